import { describe } from 'vitest';
import { checkGradients } from '../../../support/gradients.js';
import { networkCases } from './cases/more.js';

describe('gradient rules of networks against central finite differences', () => checkGradients(networkCases));

import { describe } from 'vitest';
import { checkGradients } from '../../../support/gradients.js';
import { poolingCases } from './cases/pooling.js';

describe('gradient rules of pooling against central finite differences', () => checkGradients(poolingCases));

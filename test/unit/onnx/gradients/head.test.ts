import { describe } from 'vitest';
import { checkGradients } from '../../../support/gradients.js';
import { headCases } from './cases/head.js';

describe('gradient rules of heads and losses against central finite differences', () => checkGradients(headCases));

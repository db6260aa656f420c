import { describe } from 'vitest';
import { checkGradients } from '../../../support/gradients.js';
import { recurrentCases } from './cases/recurrent.js';

describe('gradient rules of recurrent layers against central finite differences', () => checkGradients(recurrentCases));

import { describe } from 'vitest';
import { checkGradients } from '../../../support/gradients.js';
import { curveCases } from './cases/curves.js';
import { normCases } from './cases/norms.js';

describe('gradient rules of curves against central finite differences', () => checkGradients(curveCases));
describe('gradient rules of norms against central finite differences', () => checkGradients(normCases));

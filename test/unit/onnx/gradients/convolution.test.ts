import { describe } from 'vitest';
import { checkGradients } from '../../../support/gradients.js';
import { convolutionCases } from './cases/convolution.js';

describe('gradient rules of convolutions against central finite differences', () => checkGradients(convolutionCases));

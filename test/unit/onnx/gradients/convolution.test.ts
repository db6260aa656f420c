import { describe } from 'vitest';
import { checkGradients } from '../../../support/gradients.js';
import { convolutionCases } from './cases/convolution.js';
import { transposedConvolutionCases } from './cases/convolution-transposed.js';

describe('gradient rules of convolutions against central finite differences', () => checkGradients(convolutionCases));
describe('gradient rules of transposed convolutions against central finite differences', () =>
  checkGradients(transposedConvolutionCases));

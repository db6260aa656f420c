import { describe } from 'vitest';
import { checkGradients } from '../../../support/gradients.js';
import { einsumCases } from './cases/einsum.js';
import { rearrangeCases } from './cases/rearrange.js';
import { resampleCases } from './cases/resample.js';
import { scatterCases } from './cases/scatter.js';

describe('gradient rules of scattering against central finite differences', () => checkGradients(scatterCases));
describe('gradient rules of rearranging against central finite differences', () => checkGradients(rearrangeCases));
describe('gradient rules of resampling against central finite differences', () => checkGradients(resampleCases));
describe('gradient rules of Einsum against central finite differences', () => checkGradients(einsumCases));

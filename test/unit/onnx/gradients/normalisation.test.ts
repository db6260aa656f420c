import { describe } from 'vitest';
import { checkGradients } from '../../../support/gradients.js';
import { normalisationCases } from './cases/normalisation.js';
import { groupNormalisationCases } from './cases/normalisation-groups.js';

describe('gradient rules of normalisation against central finite differences', () =>
  checkGradients(normalisationCases));
describe('gradient rules of normalisation in groups against central finite differences', () =>
  checkGradients(groupNormalisationCases));

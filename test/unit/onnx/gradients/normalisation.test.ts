import { describe } from 'vitest';
import { checkGradients } from '../../../support/gradients.js';
import { normalisationCases } from './cases/normalisation.js';

describe('gradient rules of normalisation against central finite differences', () =>
  checkGradients(normalisationCases));

import type { Hyperparameters, Job } from './types.js';

/** The engine that a job must have, or `auto`: mixed precision is TensorFlow's alone. */
export function engineAsked(job: {
  readonly engineRequested: Job['engineRequested'];
  readonly hyperparameters: Pick<Hyperparameters, 'precision'>;
}): Job['engineRequested'] {
  const { engineRequested, hyperparameters } = job;
  return engineRequested === 'auto' && hyperparameters.precision === 'mixed' ? 'tensorflow' : engineRequested;
}

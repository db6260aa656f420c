/** Records as kept, in the field names of the HTTP contract; times are Dates until rendered. */
export type * from './types/bases.js';
export * from './types/common.js';
export type * from './types/datasets.js';
export type * from './types/inputs.js';
export type * from './types/jobs.js';
export type * from './types/models.js';
export type * from './types/training.js';

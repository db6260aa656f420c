import type { Command } from '../options.js';
import { baseCommands } from './bases.js';
import { datasetCommands } from './datasets.js';
import { jobCommands } from './jobs.js';
import { modelCommands } from './models.js';
import { operationCommands } from './operations.js';
import { predict } from './predict.js';
import { train } from './train.js';

export const COMMANDS: readonly Command[] = Object.freeze([
  train,
  ...baseCommands,
  ...datasetCommands,
  ...jobCommands,
  predict,
  ...modelCommands,
  ...operationCommands,
]);

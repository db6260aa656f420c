import * as common from '../http/schemas.js';
import * as aliases from './aliases/schema.js';
import * as bases from './bases/schema.js';
import * as datasets from './datasets/schema.js';
import { WorkerEngine, WorkerEngines } from './engines/index.js';
import * as jobs from './jobs/schema.js';
import * as keys from './keys/schema.js';
import * as models from './models/schema.js';
import { Health, Readiness } from './operations/index.js';

const MODULES: readonly object[] = [
  common,
  datasets,
  bases,
  jobs,
  models,
  aliases,
  keys,
  { Health, Readiness, WorkerEngine, WorkerEngines },
];

/** Every schema with a name: the components of the specification, and what `$ref` finds. */
export function namedSchemas(): readonly object[] {
  return MODULES.flatMap((module) => Object.values(module)).filter(
    (value): value is object => typeof value === 'object' && value !== null && '$id' in value,
  );
}

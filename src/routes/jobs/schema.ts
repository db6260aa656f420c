import { type Static, Type } from 'typebox';
import { JOB_STATES } from '../../domain/lifecycle.js';
import { TASKS } from '../../domain/types.js';
import {
  closed,
  Digest,
  ENGINES,
  JobState,
  listOf,
  nullable,
  open,
  PageQuery,
  ref,
  StoredProblem,
  Task,
  Time,
  words,
} from '../../http/schemas.js';
import { ChosenMethod, Hyperparameters, HyperparametersRequest, Method } from './training-schema.js';

export * from './training-schema.js';

const text = Type.String();
export const Validation = closed(
  { fraction: Type.Number({ exclusiveMinimum: 0, exclusiveMaximum: 1 }) },
  { $id: 'Validation' },
);
const Metadata = Type.Unsafe<Record<string, string>>({
  type: 'object',
  additionalProperties: { type: 'string', maxLength: 1000 },
  maxProperties: 64,
});

export const JobRequest = closed(
  {
    name: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
    task: ref(Task),
    dataset: Type.String({ minLength: 1, maxLength: 200, description: 'Id of a dataset that is `ready`.' }),
    base: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 200,
        description:
          "Id, name or digest. Left out: the installation's own base for the task (images: photo-small, texts: text-small).",
      }),
    ),
    method: Type.Optional(ref(Method)),
    hyperparameters: Type.Optional(ref(HyperparametersRequest)),
    validation: Type.Optional(ref(Validation)),
    engine: Type.Optional(
      words(['auto', ...ENGINES], {
        description:
          'Left out or `auto`: a GPU where there is one, else what is fastest for the method and the task. A job that names an engine waits for a worker that has it (`GET /v1/engines`).',
      }),
    ),
    metadata: Type.Optional(Metadata),
  },
  { $id: 'JobRequest' },
);
export const DatasetPin = open({ id: text, revision: Type.Integer() }, { $id: 'DatasetPin' });
export const BasePin = open({ id: text, digest: Digest }, { $id: 'BasePin' });
export const Progress = open(
  {
    phase: text,
    done: Type.Number(),
    total: Type.Number(),
    fraction: Type.Number({ description: '0 to 1 over the whole job; never falls within an attempt.' }),
    etaSeconds: nullable(Type.Number()),
  },
  { $id: 'Progress' },
);
export const Engine = open({ executor: words(ENGINES), version: text, device: text }, { $id: 'Engine' });
const bytes = Type.Integer({ minimum: 0 });
export const JobMemory = open(
  {
    estimate: open({
      process: bytes,
      parameters: bytes,
      optimizer: bytes,
      activations: bytes,
      pictures: bytes,
      total: bytes,
    }),
    available: bytes,
    peak: nullable(bytes),
  },
  {
    $id: 'JobMemory',
    description:
      'Of fineTuning and scratch, in bytes. `estimate`, before the first step: the process with the engine, the trained numbers and their gradients, what the optimizer keeps and copies, what a pass keeps for its way back, decoded pictures. `available`: what could be used when the run began. `peak`: the most that the process held, once the run is over.',
  },
);
export const Metrics = Type.Unsafe<Record<string, number>>({
  $id: 'Metrics',
  type: 'object',
  additionalProperties: { type: 'number' },
});
const optionalText = Type.Unsafe<string | null>({ type: ['string', 'null'] });
export const Job = open(
  {
    object: Type.Literal('job'),
    id: text,
    name: optionalText,
    state: ref(JobState),
    attempt: Type.Integer(),
    task: ref(Task),
    dataset: ref(DatasetPin),
    base: ref(BasePin),
    method: ref(ChosenMethod),
    hyperparameters: ref(Hyperparameters),
    validation: nullable(ref(Validation)),
    metadata: Metadata,
    progress: nullable(ref(Progress)),
    metrics: ref(Metrics),
    engine: nullable(ref(Engine)),
    memory: nullable(ref(JobMemory)),
    model: optionalText,
    retryOf: optionalText,
    error: nullable(ref(StoredProblem)),
    createdAt: Time,
    startedAt: nullable(Time),
    finishedAt: nullable(Time),
  },
  { $id: 'Job' },
);
export const JobList = listOf(Job);
export const jobQuery = closed({
  state: Type.Optional(words(JOB_STATES)),
  task: Type.Optional(words(TASKS)),
  ...PageQuery,
});

export const JobEvent = open(
  {
    object: Type.Literal('event'),
    id: text,
    job: text,
    type: words(['state', 'progress', 'metric', 'log']),
    level: words(['info', 'warning', 'error']),
    message: text,
    data: Type.Unsafe<Record<string, unknown>>({ type: 'object', additionalProperties: true }),
    createdAt: Time,
  },
  { $id: 'JobEvent' },
);
export const JobEventList = listOf(JobEvent);
export const JobMetric = open(
  {
    object: Type.Literal('metric'),
    name: text,
    step: Type.Integer(),
    value: Type.Number(),
    attempt: Type.Integer(),
    createdAt: Time,
  },
  { $id: 'JobMetric' },
);
export const JobMetricList = listOf(JobMetric);
export const metricQuery = closed({ name: Type.Optional(Type.String({ maxLength: 200 })), ...PageQuery });
export type JobRequestBody = Static<typeof JobRequest>;

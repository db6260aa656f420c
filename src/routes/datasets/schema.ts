import { type Static, Type } from 'typebox';
import {
  ContentState,
  closed,
  Digest,
  listOf,
  nullable,
  open,
  PageQuery,
  ref,
  Split,
  StoredProblem,
  Task,
  Time,
  words,
} from '../../http/schemas.js';
import { columnFields } from './fields.js';

const SPLITS = ['train', 'validation', 'test'] as const;
const count = Type.Integer({ minimum: 0 });
const TaskName = ref(Task);

export const LabelCount = open(
  { name: Type.String(), train: count, validation: count, test: count },
  { $id: 'LabelCount' },
);
export const SplitCount = open({ train: count, validation: count, test: count }, { $id: 'SplitCount' });
export const DatasetSummary = open(
  {
    examples: count,
    labels: Type.Array(ref(LabelCount)),
    splits: ref(SplitCount),
    rejected: count,
    duplicates: count,
    leaks: count,
  },
  { $id: 'DatasetSummary' },
);
export const DatasetRevision = open(
  { number: Type.Integer({ minimum: 1 }), digest: nullable(Digest), bytes: count },
  { $id: 'DatasetRevision' },
);
const namedColumn = nullable(Type.String());
export const DatasetColumns = open(
  { text: namedColumn, label: namedColumn, split: namedColumn },
  { $id: 'DatasetColumns', description: 'As they were named, by name or number; null: found out by checking.' },
);
export const Dataset = open(
  {
    object: Type.Literal('dataset'),
    id: Type.String(),
    name: Type.String(),
    task: TaskName,
    state: ref(ContentState),
    revision: nullable(ref(DatasetRevision)),
    columns: nullable(ref(DatasetColumns)),
    summary: nullable(ref(DatasetSummary)),
    error: nullable(ref(StoredProblem)),
    waiting: nullable(ref(StoredProblem)),
    createdAt: Time,
  },
  {
    $id: 'Dataset',
    description:
      '`columns`: what the upload named, null unless it did. `waiting`, while it is `checking`: why the last try of its check could not be finished (a full disk); it is tried again by itself.',
  },
);
export const DatasetList = listOf(Dataset);

export const ReportedProblem = open(
  { path: Type.String(), code: Type.String(), detail: Type.String() },
  { $id: 'RejectedExample' },
);
const KIND = words(['exact', 'near']);
export const DuplicateGroup = open({ kind: KIND, paths: Type.Array(Type.String()) }, { $id: 'DuplicateGroup' });
export const Leak = open(
  { kind: KIND, train: Type.String(), other: Type.String(), split: ref(Split) },
  { $id: 'Leak' },
);
export const Estimate = open(
  { examples: count, seconds: Type.Number(), bytes: count },
  { $id: 'JobEstimate', description: 'What a job on this dataset would take.' },
);
export const DatasetReport = open(
  {
    object: Type.Literal('dataset.report'),
    id: Type.String({ description: 'Of the dataset.' }),
    revision: Type.Integer(),
    state: ref(ContentState),
    error: nullable(ref(StoredProblem)),
    format: Type.Unsafe<string | null>({ type: ['string', 'null'], description: 'What the archive was found to be.' }),
    summary: nullable(ref(DatasetSummary)),
    rejected: Type.Array(ref(ReportedProblem)),
    duplicates: Type.Array(ref(DuplicateGroup)),
    leaks: Type.Array(ref(Leak)),
    notes: Type.Array(Type.String()),
    estimate: nullable(ref(Estimate)),
  },
  { $id: 'DatasetReport' },
);

export const ExampleProblem = open({ code: Type.String(), detail: Type.String() }, { $id: 'ExampleProblem' });
export const Example = open(
  {
    object: Type.Literal('example'),
    index: count,
    path: Type.String(),
    label: nullable(Type.String()),
    split: nullable(ref(Split)),
    bytes: count,
    digest: nullable(Digest),
    width: nullable(count),
    height: nullable(count),
    problem: nullable(ref(ExampleProblem)),
  },
  { $id: 'Example' },
);
export const ExampleList = listOf(Example);
export const exampleQuery = closed({
  label: Type.Optional(Type.String()),
  split: Type.Optional(words(SPLITS)),
  problem: Type.Optional(
    Type.String({
      description: '`true`: only rejected examples, `false`: only good ones, else: those with this code.',
    }),
  ),
  ...PageQuery,
});

export const DatasetName = Type.String({ minLength: 1, maxLength: 200 });
export const TextExample = closed(
  {
    text: Type.String({ maxLength: 1_000_000 }),
    label: Type.String({ minLength: 1, maxLength: 200 }),
    split: Type.Optional(ref(Split)),
  },
  { $id: 'TextExample' },
);
export const DatasetFromExamples = closed(
  { name: DatasetName, task: TaskName, examples: Type.Array(ref(TextExample), { minItems: 1, maxItems: 100_000 }) },
  { $id: 'DatasetFromExamples', description: 'A small text dataset.' },
);
/** Described here, read as a stream. */
export const DatasetUpload = closed(
  {
    name: DatasetName,
    task: TaskName,
    ...columnFields,
    file: Type.Unsafe<never>({ type: 'string', format: 'binary', description: 'The archive.' }),
  },
  { $id: 'DatasetUpload' },
);
export const columnQuery = closed(columnFields);
const BINARY = { type: 'string', format: 'binary' };
/** Content types that archives come with; what is inside is found out. */
export const ARCHIVE_TYPES: Readonly<Record<string, unknown>> = Object.fromEntries(
  [
    'application/octet-stream',
    'application/zip',
    'application/x-zip-compressed',
    'application/x-tar',
    'application/gzip',
    'application/x-gzip',
    'text/csv',
    'text/tab-separated-values',
    'application/jsonl',
    'application/x-ndjson',
  ].map((type) => [type, BINARY]),
);
export type DatasetFromExamplesBody = Static<typeof DatasetFromExamples>;

import { type Static, Type } from 'typebox';
import {
  ContentState,
  closed,
  Digest,
  listOf,
  nullable,
  open,
  ref,
  StoredProblem,
  Task,
  Time,
  words,
} from '../../http/schemas.js';
import { ChosenMethod } from '../jobs/schema.js';

const count = Type.Integer({ minimum: 0 });
const text = Type.String();
const optionalText = Type.Unsafe<string | null>({ type: ['string', 'null'] });
const optionalCount = Type.Unsafe<number | null>({ type: ['integer', 'null'] });

export const TensorInfo = open(
  {
    name: text,
    type: text,
    shape: Type.Array(Type.Unsafe<number | string>({ anyOf: [{ type: 'integer' }, { type: 'string' }] })),
  },
  { $id: 'TensorInfo', description: 'A dimension that is a text may be of any size.' },
);
export const Preprocessing = open(
  {
    resize: Type.Integer({ description: 'The short side is resized to this many pixels.' }),
    crop: Type.Integer({ description: 'Then the centre of this size is cut out.' }),
    layout: words(['NCHW', 'NHWC']),
    channels: words(['RGB', 'BGR', 'GRAY']),
    scale: Type.Number(),
    mean: Type.Array(Type.Number()),
    std: Type.Array(Type.Number()),
  },
  { $id: 'Preprocessing', description: '(pixel * scale - mean) / std' },
);
export const TextInputs = open(
  { ids: text, mask: optionalText, types: optionalText },
  { $id: 'TextInputs', description: 'Inputs of the graph by role; each takes whole numbers [N, L].' },
);
export const TextWindows = open(
  {
    overlap: Type.Integer({ description: "Of the text's own tokens, how many two neighbours share." }),
    most: Type.Integer({ description: 'Windows of one text at most; what lies behind is left out.' }),
  },
  { $id: 'TextWindows', description: 'How a text longer than `maxLength` is read: in windows of that length.' },
);
export const TextInput = open(
  {
    inputs: ref(TextInputs),
    maxLength: Type.Integer({ description: 'Most tokens of one text, special ones included.' }),
    padId: Type.Integer(),
    vocabulary: Type.Integer({ description: 'Tokens that the tokenizer knows.' }),
    pooling: Type.Unsafe<'mean' | 'cls' | 'max'>({
      ...words(['mean', 'cls', 'max']),
      description: "How the vectors of a text's tokens become one.",
    }),
    windows: Type.Optional(ref(TextWindows)),
  },
  { $id: 'TextInput', description: 'How texts are prepared for the base.' },
);
export const BaseCut = open(
  { tensor: text, kind: text, features: count, default: Type.Boolean() },
  {
    $id: 'BaseCut',
    description:
      "A tensor at which the base can be cut for features. By `kind`: `pooled` is averaged over places or tokens, `token` the one token that a classifier reads, `hidden` the output of an inner fully connected layer, `logits` the classifier's own, `flattened` a whole map as one row; `map` and `tokens` are averaged when cut.",
  },
);
export const TrainingSupport = open(
  { supported: Type.Boolean(), unsupportedOperators: Type.Array(text) },
  { $id: 'TrainingSupport', description: 'Whether the layers of the base itself can be trained.' },
);
export const LineageDataset = open(
  { id: text, revision: Type.Integer(), name: text, digest: nullable(Digest) },
  { $id: 'LineageDataset' },
);
export const LineageBase = open({ id: text, name: text, digest: Digest }, { $id: 'LineageBase' });
export const LineageLink = open(
  {
    model: text,
    name: Type.Unsafe<string | null>({ type: ['string', 'null'], description: 'Of the model.' }),
    job: text,
    method: ref(ChosenMethod),
    dataset: ref(LineageDataset),
    base: ref(LineageBase),
  },
  {
    $id: 'LineageLink',
    description: 'One step of transfer: a model, the job that made it, and what that was trained on.',
  },
);
export const Lineage = Type.Array(ref(LineageLink), {
  description:
    'How it came about, step by step: the nearest model first, then the model that its base was made from, and so on; the base of the last link was uploaded. Empty for a base that was uploaded. What a link names may have been deleted meanwhile.',
});
export const HubSource = open(
  {
    hub: text,
    revision: Type.String({ description: 'As it was asked for.' }),
    commit: Type.Unsafe<string | null>({
      type: ['string', 'null'],
      description:
        'What the revision was when the download began; every file is taken from there. null until it is known.',
    }),
  },
  { $id: 'HubSource', description: 'A repository of a model hub.' },
);
export const ReceivedBytes = open({ done: count, total: count }, { $id: 'ReceivedBytes' });
export const Base = open(
  {
    object: Type.Literal('base'),
    id: text,
    name: text,
    state: ref(ContentState),
    digest: nullable(Digest),
    bytes: count,
    opset: optionalCount,
    license: optionalText,
    inputs: Type.Array(ref(TensorInfo)),
    outputs: Type.Array(ref(TensorInfo)),
    preprocessing: nullable(ref(Preprocessing)),
    preprocessingSource: optionalText,
    text: nullable(ref(TextInput)),
    cuts: Type.Array(ref(BaseCut)),
    parameters: optionalCount,
    training: nullable(ref(TrainingSupport)),
    tasks: Type.Array(ref(Task)),
    lineage: Lineage,
    source: nullable(ref(HubSource)),
    progress: nullable(ref(ReceivedBytes)),
    notes: Type.Array(text),
    error: nullable(ref(StoredProblem)),
    waiting: nullable(ref(StoredProblem)),
    createdAt: Time,
  },
  {
    $id: 'Base',
    description:
      'What stands on the content is empty or null until the base is `ready`. `source`: the repository that it is fetched from, null for others; `progress`: how many bytes of it are here, while it is `receiving`. `waiting`, while it is `receiving` or `checking`: why the last try could not be finished (a full disk, a hub that stopped answering); it is tried again by itself.',
  },
);
export const BaseList = listOf(Base);

/** Either `model` or `hub`. */
export const BaseFromElsewhere = closed(
  {
    hub: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 200,
        description:
          '`org/name` on the model hub that the service is set to (`GRAFT_HUB_URL`). Its `onnx/model.onnx`, else `model.onnx`, else its only .onnx file is fetched, with the tokenizer and settings beside it or above.',
      }),
    ),
    revision: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 100,
        description: 'Of `hub`: a branch, a tag or a commit; left out, `main`. Pinned to the commit that it is.',
      }),
    ),
    model: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 100,
        description:
          'Id or alias of a model of this service, whose exported graph becomes a base. Only what training changed is stored; while the base is there, the model cannot be deleted.',
      }),
    ),
    name: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 100,
        description: "Unique; left out, the model's name or else its id; the repository's name.",
      }),
    ),
  },
  { $id: 'BaseFromElsewhere' },
);
export type BaseFromElsewhereBody = Static<typeof BaseFromElsewhere>;
/** Described here, read as a stream. */
export const BaseUpload = closed(
  {
    name: Type.String({ description: 'Unique; letters, digits, spaces and . _ + @ ( ) -' }),
    file: Type.Unsafe<never>({
      type: 'string',
      format: 'binary',
      description: 'An .onnx file, or a zip of a hub folder.',
    }),
  },
  { $id: 'BaseUpload' },
);

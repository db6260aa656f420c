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
export const BaseCut = open(
  { tensor: text, kind: text, features: count, default: Type.Boolean() },
  { $id: 'BaseCut', description: 'A tensor at which the base can be cut for features.' },
);
export const TrainingSupport = open(
  { supported: Type.Boolean(), unsupportedOperators: Type.Array(text) },
  { $id: 'TrainingSupport', description: 'Whether the layers of the base itself can be trained.' },
);
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
    cuts: Type.Array(ref(BaseCut)),
    parameters: optionalCount,
    training: nullable(ref(TrainingSupport)),
    tasks: Type.Array(ref(Task)),
    notes: Type.Array(text),
    error: nullable(ref(StoredProblem)),
    createdAt: Time,
  },
  { $id: 'Base', description: 'What stands on the content is empty or null until the base is `ready`.' },
);
export const BaseList = listOf(Base);

/** One of `hub` and `model`; both come in later versions and are refused in words. */
export const BaseFromElsewhere = closed(
  {
    hub: Type.Optional(Type.String({ minLength: 1, maxLength: 200, description: '`org/name` on a model hub.' })),
    revision: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })),
    model: Type.Optional(Type.String({ minLength: 1, maxLength: 100, description: 'A model of this service.' })),
    name: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })),
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

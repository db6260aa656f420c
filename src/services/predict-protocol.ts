import { type Model, type Preprocessing, TASKS, type TextInput } from '../domain/types.js';
import { GraftError, type Problem } from '../errors.js';

/**
 * What the API and a prediction process say to each other (`predict-messages.ts` says how). A question is one frame: `u32` header
 * length (big endian), header (UTF-8 JSON), then the inputs' bytes one after the other, so images travel as they are; texts as
 * UTF-8. Its answer is JSON, a `PredictReply`.
 */
export interface ServedModel
  extends Pick<Model, 'id' | 'task' | 'base' | 'cut' | 'headKey' | 'labels' | 'preprocessing' | 'text'> {
  /** Blob key of the base's tensors that training changed; null: the base is as it was. */
  readonly changedKey?: string | null;
}
export interface PredictInput {
  readonly kind: 'image' | 'text';
  readonly bytes: Uint8Array;
}
export interface PredictRequest {
  readonly model: ServedModel;
  readonly inputs: readonly PredictInput[];
  /** How many labels to answer with, most probable first; more than there are means all. */
  readonly top: number;
}
export interface LabelProbability {
  readonly label: string;
  readonly probability: number;
}
export interface Classified extends LabelProbability {
  readonly top: readonly LabelProbability[];
  /** Set where a text was longer than the base reads: its end was left out. */
  readonly truncated?: true;
  /** Set where a text was read in more windows than one: how many. */
  readonly windows?: number;
}
export type Prediction = Classified | { readonly error: Problem };
export interface PredictAnswer {
  /** In the order of the inputs. */
  readonly predictions: readonly Prediction[];
  /** Milliseconds waited in line after decoding and in the model, and inputs in the batch: the largest of the inputs'. */
  readonly timing: { readonly queueMs: number; readonly batch: number; readonly runMs: number };
}

export type PredictReply =
  | { readonly answer: PredictAnswer }
  | {
      readonly problem: Problem;
      /** Seconds. */
      readonly retryAfter?: number;
      /** Set by a process that is about to end: the question was not started and may be sent again. */
      readonly notStarted?: true;
    };

export const MAX_HEADER_BYTES = 4 * 1024 * 1024;
/** Most inputs of one request. */
export const MAX_IMAGES = 256;
export const MAX_TEXTS = 1000;

/** The parts of one frame, of which the inputs' bytes are not copied. */
export function encodeFrame({ model, inputs, top }: PredictRequest): readonly Uint8Array[] {
  const { id, task, base, cut, headKey, changedKey, labels, preprocessing, text } = model;
  const header = Buffer.from(
    JSON.stringify({
      model: { id, task, base, cut, headKey, changedKey, labels, preprocessing, text },
      inputs: inputs.map(({ kind, bytes }) => ({ kind, bytes: bytes.length })),
      top,
    }),
  );
  const length = Buffer.allocUnsafe(4);
  length.writeUInt32BE(header.length);
  return [length, header, ...inputs.map(({ bytes }) => bytes)];
}

/** Views into `frame`, nothing copied. Throws `request-malformed` saying which part of the frame is wrong. */
export function decodeFrame(frame: Buffer): PredictRequest {
  if (frame.length < 4) refuse(`it has ${frame.length} bytes; the header's length alone takes 4`);
  const length = frame.readUInt32BE(0);
  if (length > MAX_HEADER_BYTES) refuse(`its header would have ${length} bytes; at most ${MAX_HEADER_BYTES} are taken`);
  if (4 + length > frame.length) refuse(`its header ends after ${frame.length - 4} of ${length} bytes`);
  const header = parse(frame.toString('utf8', 4, 4 + length));
  const model = servedModel(object(header.model, 'model'));
  const top = count(header.top, 'top');
  if (!Array.isArray(header.inputs) || header.inputs.length === 0 || header.inputs.length > MAX_TEXTS)
    refuse(`inputs must list 1 to ${MAX_TEXTS} inputs`);
  let at = 4 + length;
  const inputs = (header.inputs as unknown[]).map((entry, index): PredictInput => {
    const { kind: given, bytes } = object(entry, `inputs/${index}`);
    const kind = oneOf(given, ['image', 'text'], `inputs/${index}/kind`);
    const end = at + count(bytes, `inputs/${index}/bytes`);
    if (end > frame.length) refuse(`inputs/${index} ends after ${frame.length - at} of ${end - at} bytes`);
    const input = { kind, bytes: frame.subarray(at, end) };
    at = end;
    return input;
  });
  if (at !== frame.length) refuse(`${frame.length - at} bytes follow its last input`);
  return { model, inputs, top };
}

function refuse(why: string): never {
  throw new GraftError('request-malformed', `The prediction frame cannot be read: ${why}.`);
}
function parse(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    refuse('its header is not JSON');
  }
  return object(value, 'header');
}
function object(value: unknown, name: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) refuse(`${name} must be an object`);
  return value as Record<string, unknown>;
}
function text(value: unknown, name: string): string {
  if (typeof value !== 'string' || value === '') refuse(`${name} must be a text`);
  return value;
}
function count(value: unknown, name: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) refuse(`${name} must be a whole number`);
  return value;
}
function numbers(value: unknown, name: string): readonly number[] {
  if (!Array.isArray(value) || !value.every((x) => typeof x === 'number' && Number.isFinite(x)))
    refuse(`${name} must be a list of numbers`);
  return value as number[];
}
function oneOf<const T extends string>(value: unknown, of: readonly T[], name: string): T {
  return of.find((known) => known === value) ?? refuse(`${name} must be one of ${of.join(', ')}`);
}

function servedModel(model: Record<string, unknown>): ServedModel {
  const base = object(model.base, 'model/base');
  const { labels } = model;
  if (!Array.isArray(labels) || labels.length === 0 || !labels.every((label) => typeof label === 'string'))
    refuse('model/labels must be a list of texts');
  if ((model.preprocessing === null) === (model.text === null))
    refuse('the model takes images (model/preprocessing) or texts (model/text)');
  return {
    id: text(model.id, 'model/id'),
    task: oneOf(model.task, TASKS, 'model/task'),
    base: { id: text(base.id, 'model/base/id'), digest: text(base.digest, 'model/base/digest') },
    cut: text(model.cut, 'model/cut'),
    headKey: text(model.headKey, 'model/headKey'),
    ...(model.changedKey !== undefined && {
      changedKey: model.changedKey === null ? null : text(model.changedKey, 'model/changedKey'),
    }),
    labels: labels as string[],
    preprocessing: model.preprocessing === null ? null : preprocessingOf(model.preprocessing),
    text: model.text === null ? null : textInputOf(model.text),
  };
}

function preprocessingOf(value: unknown): Preprocessing {
  const given = object(value, 'model/preprocessing');
  return {
    resize: count(given.resize, 'model/preprocessing/resize'),
    crop: count(given.crop, 'model/preprocessing/crop'),
    layout: oneOf(given.layout, ['NCHW', 'NHWC'], 'model/preprocessing/layout'),
    channels: oneOf(given.channels, ['RGB', 'BGR', 'GRAY'], 'model/preprocessing/channels'),
    scale: numbers([given.scale], 'model/preprocessing/scale')[0] as number,
    mean: numbers(given.mean, 'model/preprocessing/mean'),
    std: numbers(given.std, 'model/preprocessing/std'),
  };
}

function textInputOf(value: unknown): TextInput {
  const given = object(value, 'model/text');
  const inputs = object(given.inputs, 'model/text/inputs');
  const orNone = (role: string): string | null =>
    inputs[role] === null ? null : text(inputs[role], `model/text/inputs/${role}`);
  return {
    inputs: { ids: text(inputs.ids, 'model/text/inputs/ids'), mask: orNone('mask'), types: orNone('types') },
    maxLength: count(given.maxLength, 'model/text/maxLength'),
    padId: count(given.padId, 'model/text/padId'),
    vocabulary: count(given.vocabulary, 'model/text/vocabulary'),
    pooling: oneOf(given.pooling, ['mean', 'cls', 'max'], 'model/text/pooling'),
    ...(given.windows !== undefined && { windows: windowsOf(given.windows) }),
  };
}

function windowsOf(value: unknown): NonNullable<TextInput['windows']> {
  const given = object(value, 'model/text/windows');
  const most = count(given.most, 'model/text/windows/most');
  if (most === 0) refuse('model/text/windows/most must be 1 or more');
  return { overlap: count(given.overlap, 'model/text/windows/overlap'), most };
}

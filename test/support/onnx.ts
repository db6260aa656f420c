import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { InferenceSession, type Tensor } from 'onnxruntime-node';
import {
  type DataType,
  decodeModel,
  elements,
  encodeModel,
  inputShapes,
  lowerGradients,
  type Model,
  measureShapes,
  type ShapeRunner,
  type Shapes,
  type ValueRunner,
} from '../../src/onnx/index.js';
import { disabled, FAULTS } from '../../workers/executors/onnxruntime-faults.js';
import { tensorOf } from '../../workers/executors/onnxruntime-tensors.js';

/** Where test data that is not part of the project lies; a test whose data are absent says so. */
export const DATA = fileURLToPath(new URL('../../../shared/data/', import.meta.url));
export const dataPath = (path: string): string => `${DATA}${path}`;
export const hasData = (path: string): boolean => existsSync(dataPath(path));
export const readData = (path: string): Uint8Array => readFileSync(dataPath(path));
export const readModel = (path: string): Model => decodeModel(readData(path));

export const MODELS = [
  'mobilenetv2-1.0-imagenet-backbone.onnx',
  'mobilenetv2-1.0-imagenet-backbone-bn.onnx',
  'mobilenetv1-0.25-imagenet.onnx',
  'squeezenet1.1-imagenet-fp32.onnx',
  'squeezenet1.1-imagenet-fp16-opset7.onnx',
  'resnet8-cifar10.onnx',
  'shufflenet-v2-12-int8.onnx',
  'yolox_nano_416_opset11.onnx',
  'ultraface_RFB-320_bn.onnx',
  'magika_standard_v3_3.onnx',
  'minilm-l6-v2/onnx/model.onnx',
  'char-lstm-en-fr/encoder_model.onnx',
  'char-lstm-en-fr/decoder_model.onnx',
] as const;

export type Values = Float32Array | Float64Array | Int32Array | BigInt64Array | Uint8Array | Int8Array | Uint16Array;
export interface Value {
  readonly dataType: DataType;
  readonly dims: readonly number[];
  readonly data: Values;
}

const OPTIONS: InferenceSession.SessionOptions = {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  logSeverityLevel: 4,
  extra: disabled(FAULTS),
};

export async function session(
  model: Model | Uint8Array,
  o: InferenceSession.SessionOptions = {},
): Promise<InferenceSession> {
  const bytes = model instanceof Uint8Array ? model : Buffer.concat(encodeModel(lowerGradients(model)));
  return InferenceSession.create(bytes, { ...OPTIONS, ...o });
}

export const toOrt = (v: Value): Tensor => tensorOf(v);
const fromOrt = (t: Tensor): Value => ({ dataType: t.type as DataType, dims: t.dims, data: t.data as Values });

/** Runs a model once in onnxruntime. */
export async function run(
  model: Model | Uint8Array | InferenceSession,
  feeds: Readonly<Record<string, Value>>,
): Promise<Record<string, Value>> {
  const own = 'run' in model ? null : await session(model);
  const s = own ?? (model as InferenceSession);
  try {
    const results = await s.run(Object.fromEntries(Object.entries(feeds).map(([name, v]) => [name, toOrt(v)])));
    return Object.fromEntries(Object.entries(results).map(([name, t]) => [name, fromOrt(t as Tensor)]));
  } finally {
    await own?.release();
  }
}

const ARRAYS: Partial<Record<DataType, new (n: number) => Values>> = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  bool: Uint8Array,
  uint8: Uint8Array,
};
export function zerosOf(dataType: DataType, dims: readonly number[]): Value {
  const make = ARRAYS[dataType];
  if (!make) throw new Error(`no array for ${dataType}`);
  return { dataType, dims, data: new make(elements(dims)) };
}

export const shapeRunner: ShapeRunner = async (bytes, feeds) => {
  const zeros = [...feeds].map(([name, { dataType, dims }]) => [name, zerosOf(dataType, dims)] as const);
  const s = await session(Buffer.concat(bytes), { graphOptimizationLevel: 'disabled' });
  try {
    return new Map(Object.entries(await run(s, Object.fromEntries(zeros))));
  } finally {
    await s.release();
  }
};
/** For `foldConstants`. */
export const valueRunner: ValueRunner = async (bytes) => {
  const results = await run(Buffer.concat(bytes), {});
  return new Map(
    Object.entries(results).map(([name, { dataType, dims, data }]) => {
      const view = new Uint8Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength));
      return [name, { name, dataType, dims, data: view }];
    }),
  );
};
export const measure = (model: Model, batch = 2): Promise<Shapes> =>
  measureShapes(model, inputShapes(model, { batch }), shapeRunner);

/** Small seeded generator (mulberry32), so that every test sees the same numbers. */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
export function randomValue(
  dims: readonly number[],
  next: () => number,
  dataType: 'float32' | 'float64' = 'float32',
): Value {
  const v = zerosOf(dataType, dims);
  for (let i = 0; i < v.data.length; i++) v.data[i] = next() * 2 - 1;
  return v;
}
export function maxDifference(a: Value, b: Value): number {
  if (a.dims.join() !== b.dims.join()) return Number.POSITIVE_INFINITY;
  let most = 0;
  for (let i = 0; i < a.data.length; i++) most = Math.max(most, Math.abs(Number(a.data[i]) - Number(b.data[i])));
  return most;
}

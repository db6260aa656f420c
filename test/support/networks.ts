import { readdirSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import {
  blockedLayout,
  decodeModel,
  differentiate,
  elements,
  foldConstants,
  gradientName,
  graphBuilder,
  type Model,
  measureShapes,
  type Shapes,
  stated,
  type Tensor,
  tensor,
} from '../../src/onnx/index.js';
import { blockOfChannels } from '../../workers/executors/onnxruntime-blocks.js';
import { run, shapeRunner, type Value, valueRunner } from './onnx.js';

/**
 * Graphs as PyTorch's exporters and tf2onnx write them, and the gradients that PyTorch and TensorFlow have of them; made by
 * test/fixtures/networks.py and keras_networks.py.
 */
const FOLDER = new URL('../fixtures/networks/', import.meta.url);
const [OUTPUT, SIGNS, INPUT] = [1_000_001, 2_000_003, 3_000_017];

export interface Summary {
  readonly norm: number;
  readonly projections: readonly number[];
  readonly at: readonly number[];
  readonly values: readonly number[];
}
interface Drawn {
  readonly name: string;
  readonly dims: readonly number[];
  readonly offset: number;
  readonly amplitude: number;
  /** What the exporter made of it: its axes permuted as `perm` says (as numpy's transpose), or as they were; then `dims`. */
  readonly uses: readonly {
    readonly initializer: string;
    readonly dims: readonly number[];
    readonly perm?: readonly number[];
  }[];
  readonly gradient?: Summary;
}
interface Fixture {
  readonly inputs: readonly {
    readonly name: string;
    readonly dims: readonly number[];
    readonly values?: readonly number[];
  }[];
  readonly loss: number;
  /** Of Keras networks: what the classifier reads, as TensorFlow has it. */
  readonly features?: Summary & { readonly dims: readonly number[] };
  readonly tensors: readonly Drawn[];
}
export interface Network {
  readonly fixture: Fixture;
  /** The file with its weights as initializers. */
  readonly model: Model;
  readonly feeds: Readonly<Record<string, Value>>;
  readonly shapes: Shapes;
}

/** `<network>` as PyTorch's old exporter writes it, `<network>-<form>` in another form, `keras_<network>` by tf2onnx. */
export const networkNames = (): readonly string[] =>
  readdirSync(FOLDER)
    .filter((file) => file.endsWith('.json'))
    .map((file) => file.replace('.json', ''))
    .sort();

/** In [-1, 1): the same as `numbers` of the script, bit for bit. */
function numbers(place: number, count: number): Float64Array {
  const shift = Number((BigInt(place) * 0x85ebca77n) % 0x100000000n);
  const out = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    let x = (Math.imul(i, 0x9e3779b1) + shift) >>> 0;
    x = (x ^ (x >>> 16)) >>> 0;
    x = Math.imul(x, 0x7feb352d) >>> 0;
    x = (x ^ (x >>> 15)) >>> 0;
    x = Math.imul(x, 0x846ca68b) >>> 0;
    x = (x ^ (x >>> 16)) >>> 0;
    out[i] = x / 2 ** 31 - 1;
  }
  return out;
}

/** As numpy's transpose, of a row-major array. */
function permuted<T extends Float32Array | Float64Array>(
  data: T,
  dims: readonly number[],
  perm: readonly number[] | undefined,
): T {
  if (perm === undefined) return data;
  const strides = dims.map((_, i) => elements(dims.slice(i + 1)));
  const [sizes, steps] = [perm.map((p) => dims[p]!), perm.map((p) => strides[p]!)];
  const out = data.slice() as T;
  const place = perm.map(() => 0);
  for (let i = 0, from = 0; i < out.length; i++) {
    out[i] = data[from]!;
    for (let axis = perm.length - 1; axis >= 0; axis--) {
      place[axis]!++;
      from += steps[axis]!;
      if (place[axis]! < sizes[axis]!) break;
      from -= steps[axis]! * sizes[axis]!;
      place[axis] = 0;
    }
  }
  return out;
}

export async function network(label: string): Promise<Network> {
  const fixture = JSON.parse(readFileSync(new URL(`${label}.json`, FOLDER), 'utf8')) as Fixture;
  const bare = decodeModel(gunzipSync(readFileSync(new URL(`${label}.onnx.gz`, FOLDER))));
  const initializers = new Map<string, Tensor>(bare.graph.initializers);
  fixture.tensors.forEach(({ dims, offset, amplitude, uses }, place) => {
    const data = Float32Array.from(numbers(place, elements(dims)), (u) => offset + amplitude * u);
    for (const { initializer: name, dims: own, perm } of uses) {
      const bytes = new Uint8Array(permuted(data, dims, perm).buffer);
      initializers.set(name, { name, dataType: 'float32', dims: own, data: bytes });
    }
  });
  const inputs = bare.graph.inputs.filter((v) => !initializers.has(v.name));
  const model = { ...bare, graph: { ...bare.graph, inputs, initializers } };
  const feeds: Record<string, Value> = {};
  fixture.inputs.forEach(({ name, dims, values }, k) => {
    feeds[name] = values
      ? { dataType: 'int64', dims, data: BigInt64Array.from(values, BigInt) }
      : { dataType: 'float32', dims, data: Float32Array.from(numbers(INPUT + k, elements(dims))) };
  });
  // An exporter leaves out inputs that nothing reads.
  for (const name of Object.keys(feeds)) if (!inputs.some((v) => v.name === name)) delete feeds[name];
  const shapes = await measureShapes(model, new Map(Object.entries(feeds)), shapeRunner);
  return { fixture, model, feeds, shapes };
}

/** The network ending in the script's loss, `loss`: the sum of all outputs' sum(output * numbers). */
export function withLoss({ model, shapes }: Pick<Network, 'model' | 'shapes'>): Model {
  const b = graphBuilder({ from: model, keepOutputs: [], prefix: 'test/' });
  const sums = model.graph.outputs.map(({ name }, k) => {
    const count = elements(shapes.get(name)!.dims);
    const flat = b.op('Reshape', [name, b.constant(tensor('', 'int64', [1], [-1]))]);
    const weights = b.constant(tensor('', 'float32', [count], numbers(OUTPUT + k, count)));
    return b.op('ReduceSum', [b.op('Mul', [flat, weights])], { keepdims: 0 });
  });
  b.op('Sum', sums, {}, { outputs: ['loss'] });
  b.output('loss', 'float32', []);
  return b.model();
}

export interface GradientErrors {
  /** Of the loss. */
  readonly loss: number;
  readonly parameters: number;
  /** By parameter and layout, relative to the norm of its gradient. */
  readonly byParameter: readonly { readonly name: string; readonly norm: number; readonly error: number }[];
}

/** The network up to its loss, and what it is to be differentiated by. */
export interface Differentiated {
  readonly forward: Model;
  readonly parameters: readonly string[];
  readonly shapes: Shapes;
  readonly feeds: Readonly<Record<string, Value>>;
}
/** `loss` and every gradient, once for each form that is to be compared. */
export type Computed = readonly Readonly<Record<string, Value>>[];

/** In the usual layout and in onnxruntime's blocked one. */
async function byOnnxruntime({ forward, parameters, shapes, feeds }: Differentiated): Promise<Computed> {
  const standard = differentiate(forward, 'loss', parameters, shapes);
  const block = await blockOfChannels();
  const named = [...parameters, ...forward.graph.nodes.flatMap((node) => node.outputs)];
  const forms = block === null ? [standard] : [standard, blockedLayout(stated(standard, shapes, named), block)];
  return Promise.all(forms.map((form) => run(form, feeds)));
}

/** Compares the gradients of a network, as an engine computes them, with the framework's own in float64. */
export async function gradientErrors(
  label: string,
  prepare = (m: Model): Model => m,
  compute: (o: Differentiated) => Promise<Computed> = byOnnxruntime,
): Promise<GradientErrors> {
  const loaded = await network(label);
  const { fixture, feeds } = loaded;
  const plain = prepare(withLoss(loaded));
  const shapes = await measureShapes(plain, new Map(Object.entries(feeds)), shapeRunner);
  const compared = fixture.tensors.filter((t) => t.gradient !== undefined);
  const parameters = compared.flatMap((t) => t.uses.map((u) => u.initializer));
  const forward = await foldConstants(plain, { shapes, parameters, run: valueRunner });
  const results = await compute({ forward, parameters, shapes, feeds });
  const largest = Math.max(...compared.map((t) => t.gradient!.norm));
  const comparison = (found: Computed[number], { name, dims, uses, gradient }: Drawn) => {
    const data = new Float64Array(elements(dims));
    // What is tied in the network and apart in the file has the sum for its gradient.
    for (const { initializer, perm } of uses) {
      const back = perm?.map((_, i) => perm.indexOf(i));
      const laid = perm?.map((axis) => dims[axis]!) ?? dims;
      const part = permuted(found[gradientName(initializer)]!.data as Float32Array, laid, back);
      for (let i = 0; i < data.length; i++) data[i]! += part[i]!;
    }
    return { name, norm: gradient!.norm, error: errorOf(data, gradient!, largest) };
  };
  const byParameter = results.flatMap((found) => compared.map((t) => comparison(found, t)));
  const losses = results.map((found) => Math.abs(Number(found.loss!.data[0]) - fixture.loss));
  const loss = Math.max(...losses) / Math.max(1, Math.abs(fixture.loss));
  return { loss, parameters: compared.length, byParameter };
}

/**
 * All relative to the gradient's own norm: a projection on n random signs is about as large. A gradient that is zero (of a
 * bias that a softmax does not see) is so up to rounding, in float32 where transformers takes a softmax in that, and is
 * measured by the network's largest.
 */
export function errorOf(data: ArrayLike<number>, expected: Summary, largest: number): number {
  let norm = 0;
  for (let i = 0; i < data.length; i++) norm += data[i]! ** 2;
  const errors = [Math.sqrt(norm) - expected.norm];
  expected.projections.forEach((wanted, k) => {
    const signs = numbers(SIGNS + k, data.length);
    let sum = 0;
    for (let i = 0; i < data.length; i++) sum += signs[i]! < 0 ? -data[i]! : data[i]!;
    errors.push(sum - wanted);
  });
  expected.at.forEach((at, i) => {
    errors.push(data[at]! - expected.values[i]!);
  });
  return Math.max(...errors.map(Math.abs)) / (expected.norm < 1e-8 * largest ? largest : expected.norm);
}

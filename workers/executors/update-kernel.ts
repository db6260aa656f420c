import { type ElementwisePart, type Node, OnnxError } from '../../src/onnx/index.js';
import { PAGE, type ValueType, WASM, wasmInstance } from '../wasm/module.js';

/** Numbers that a kernel takes at once: what AdamW reads and writes of them stays in the cache of a core (7 x 32 KiB). */
export const SLICE = 8192;
const BYTES = 4 * SLICE;
/**
 * Where the slices begin in memory. Large arrays begin near the beginning of a page of 4 KiB; copied between places that are
 * alike in their last 12 bits, a load waits for the store before it (4K aliasing), and a step took 2.8 times as long.
 */
const AWAY = 2048;
const place = (i: number): number => AWAY + i * BYTES;

/** A part of an update over one slice: fill `vectors`, run, read `outputs`; all of them have room for `SLICE` numbers. */
export interface UpdateKernel {
  readonly vectors: ReadonlyMap<string, Float32Array>;
  readonly outputs: ReadonlyMap<string, Float32Array>;
  /** Names of the scalars in the order in which `run` takes them. */
  readonly scalars: readonly string[];
  /** Computes the first `count` numbers of every output. */
  run(count: number, scalars: readonly number[]): void;
}

/**
 * Compiles a part to WebAssembly with vectors of 128 bits: one loop that reads each number once and keeps what it makes in
 * registers. Each operator is one IEEE 754 operation in single precision, rounded as engines round it too, so the results are
 * theirs to the bit. Throws `operator-unsupported` naming what has no such instruction.
 */
export function updateKernel(part: ElementwisePart): UpdateKernel {
  const [vectors, scalars, outputs] = [part.vectors, part.scalars, part.outputs].map((names) => [...names.keys()]) as [
    string[],
    string[],
    string[],
  ];
  const places = new Map([...vectors, ...outputs].map((name, i) => [name, place(i)]));
  const pages = Math.ceil(place(places.size) / PAGE);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const functions = { run: code(part.model.graph.nodes, { vectors, scalars, outputs, places }) };
  const run = wasmInstance({ functions, pages }, memory).run as (...values: number[]) => void;
  const areas = (names: readonly string[]) =>
    new Map(names.map((name) => [name, new Float32Array(memory.buffer, places.get(name), SLICE)]));
  return {
    vectors: areas(vectors),
    outputs: areas(outputs),
    scalars,
    run: (count, values) => run(4 * count, ...values),
  };
}

interface Names {
  readonly vectors: readonly string[];
  readonly scalars: readonly string[];
  readonly outputs: readonly string[];
  /** Bytes from the memory's begin. */
  readonly places: ReadonlyMap<string, number>;
}

/** What is made of scalars alone comes before the loop, four times the same number. */
function code(nodes: readonly Node[], { vectors, scalars, outputs, places }: Names) {
  const at = 1 + scalars.length;
  const tensors = [...scalars, ...vectors, ...nodes.flatMap((node) => node.outputs)];
  const local = new Map(tensors.map((name, i) => [name, at + 1 + i]));
  const get = (name: string) => WASM.get(local.get(name)!);
  const set = (name: string) => WASM.set(local.get(name)!);
  const uniform = new Set(scalars);
  for (const node of nodes) if (node.inputs.every((name) => uniform.has(name))) uniform.add(node.outputs[0]!);
  const emitted = (node: Node) => [...operation(node, node.inputs.map(get)), ...set(node.outputs[0]!)];
  const [before, within] = [true, false].map((early) =>
    nodes.filter((node) => uniform.has(node.outputs[0]!) === early).flatMap(emitted),
  ) as [number[], number[]];
  const loaded = vectors.flatMap((name) => [...WASM.get(at), ...WASM.alignedLoad(places.get(name)!), ...set(name)]);
  const stored = outputs.flatMap((name) => [...WASM.get(at), ...get(name), ...WASM.alignedStore(places.get(name)!)]);
  const onward = [...WASM.get(at), ...WASM.i32(16), ...WASM.i32Add, ...WASM.set(at)];
  const again = [...WASM.get(at), ...WASM.get(0), ...WASM.i32LessThan, ...WASM.again];
  return {
    parameters: ['i32', ...scalars.map((): ValueType => 'f32')] as readonly ValueType[],
    locals: ['i32', ...tensors.map((): ValueType => 'v128')] as readonly ValueType[],
    code: [
      ...scalars.flatMap((name, i) => [...WASM.get(1 + i), ...WASM.f32x4Splat, ...set(name)]),
      ...before,
      ...WASM.loop([...loaded, ...within, ...stored, ...onward, ...again]),
    ],
  };
}

const BINARY: Readonly<Record<string, readonly number[]>> = {
  Add: WASM.f32x4Add,
  Sub: WASM.f32x4Sub,
  Mul: WASM.f32x4Mul,
  Div: WASM.f32x4Div,
  Max: WASM.f32x4Max,
  Less: WASM.f32x4LessThan,
};
const UNARY: Readonly<Record<string, readonly number[]>> = {
  Identity: [],
  Sqrt: WASM.f32x4Sqrt,
  // Of a comparison, which is all bits set or none: there is nothing else to cast.
  Cast: [...WASM.f32x4Ones, ...WASM.and],
};
/** The stack before: nothing; after: the node's output. */
function operation(node: Node, inputs: readonly (readonly number[])[]): readonly number[] {
  const known = inputs.length === 2 ? BINARY[node.opType] : inputs.length === 1 ? UNARY[node.opType] : undefined;
  if (known === undefined)
    throw new OnnxError('operator-unsupported', `${node.opType} of ${inputs.length} inputs has no vector instruction.`);
  return [...inputs.flat(), ...known];
}

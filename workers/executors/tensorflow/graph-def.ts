import { type Writer, writer } from '../../../src/onnx/proto/writer.js';
import type { HostTensor } from '../executor.js';
import { ATTRIBUTE, type KernelAttribute } from './addon.js';
import { typeNumber } from './device.js';
import { inputTypes } from './kernels.js';
import { type Call, withPaddingApart } from './padding-apart.js';
import type { Plan, Typed } from './plan.js';

/** Of TensorFlow 2.18; a library takes graphs of any older one. */
const PRODUCER = 1994;
export const TAG = 'serve';

/** Read by the library's pass that marks what XLA is to compile (tensorflow/compiler/jit/mark_for_compilation_pass.cc). */
const COMPILED: KernelAttribute = { name: '_XlaCompile', type: ATTRIBUTE.bool, value: true };

const stepName = (at: number): string => `step${at}`;
const fedName = (place: number): string => `fed${place}`;
const constantName = (place: number): string => `constant${place}`;
/** Where a message of the library names a node of `graphDef`: the step's index. */
export const stepNamed = (message: string): number | undefined => {
  const found = /\bstep(\d+)\b/.exec(message);
  return found ? Number(found[1]) : undefined;
};

/**
 * The plan as a SavedModel (tensorflow/core/protobuf/saved_model.proto) of one graph: nodes per kernel call, a Placeholder
 * per tensor of `fed` and a Const per tensor of `constants`. `fused`: the calls are compiled into loops that go over memory
 * once. Answers the file's bytes in pieces, and the name by which each place is read (`node:output`).
 */
export function graphDef(
  { steps }: Pick<Plan, 'steps'>,
  fed: ReadonlyMap<number, Typed>,
  constants: ReadonlyMap<number, HostTensor>,
  fused: boolean,
): { readonly file: readonly Uint8Array[]; readonly names: ReadonlyMap<number, string> } {
  const names = new Map<number, string>();
  for (const place of fed.keys()) names.set(place, `${fedName(place)}:0`);
  for (const place of constants.keys()) names.set(place, `${constantName(place)}:0`);
  for (const [at, { outputs }] of steps.entries())
    for (const [k, place] of outputs.entries()) names.set(place, `${stepName(at)}:${k}`);

  const w = writer();
  w.varint(1, 1); // saved_model_schema_version
  w.message(2, (meta) => {
    meta.message(1, (info) => info.text(4, TAG));
    meta.message(2, (graph) => {
      for (const [place, { type, dims }] of fed)
        node(graph, fedName(place), 'Placeholder', [], (attributes) => {
          attribute(attributes, 'dtype', (v) => v.varint(6, typeNumber(type)));
          attribute(attributes, 'shape', (v) => v.message(7, (s) => shape(s, dims)));
        });
      for (const [place, tensor] of constants) constant(graph, constantName(place), tensor);
      for (const [at, step] of steps.entries()) {
        const inputs = step.inputs.map((place) => names.get(place) as string);
        const numbers = (i: number) => Array.from(constants.get(step.inputs[i] as number)!.data as Int32Array);
        const made = withPaddingApart(stepName(at), step, inputs, numbers);
        for (const [name, tensor] of made.constants) constant(graph, name, tensor);
        for (const call of made.calls) kernelCall(graph, call, fused ? [COMPILED] : []);
      }
      graph.message(4, (versions) => versions.varint(1, PRODUCER));
    });
  });
  return { file: w.chunks(), names };
}

function kernelCall(
  graph: Writer,
  { name, kernel, attributes: given, types, inputs }: Call,
  hints: readonly KernelAttribute[],
): void {
  node(graph, name, kernel, inputs, (attributes) => {
    for (const a of [...given, ...hints]) attribute(attributes, a.name, (v) => attributeValue(v, a));
    for (const [key, type] of inputTypes(kernel, types.map(typeNumber)))
      attribute(attributes, key, (v) => v.varint(6, type));
  });
}
function constant(graph: Writer, name: string, tensor: HostTensor): void {
  node(graph, name, 'Const', [], (attributes) => {
    const type = typeNumber(tensor.dataType);
    attribute(attributes, 'dtype', (v) => v.varint(6, type));
    attribute(attributes, 'value', (v) => v.message(8, (t) => tensorProto(t, type, tensor)));
  });
}

/** NodeDef (tensorflow/core/framework/node_def.proto). */
function node(
  graph: Writer,
  name: string,
  op: string,
  inputs: readonly string[],
  attributes: (w: Writer) => void,
): void {
  graph.message(1, (n) => {
    n.text(1, name);
    n.text(2, op);
    for (const input of inputs) n.text(3, input);
    attributes(n);
  });
}
function attribute(n: Writer, name: string, value: (w: Writer) => void): void {
  n.message(5, (entry) => {
    entry.text(1, name);
    entry.message(2, value);
  });
}
/** AttrValue (tensorflow/core/framework/attr_value.proto). */
function attributeValue(w: Writer, { type, value }: KernelAttribute): void {
  if (type === ATTRIBUTE.string) w.text(2, value as string);
  else if (type === ATTRIBUTE.float) w.float(4, value as number);
  else if (type === ATTRIBUTE.bool) w.varint(5, value ? 1 : 0);
  else if (type === ATTRIBUTE.type) w.varint(6, value as number);
  else if (Array.isArray(value)) w.message(1, (list) => list.packedInts(3, value as readonly number[]));
  else w.varint(3, value as number);
}
function shape(w: Writer, dims: readonly number[]): void {
  for (const size of dims) w.message(2, (d) => d.varint(1, size));
}
function tensorProto(w: Writer, type: number, { dims, data }: HostTensor): void {
  w.varint(1, type);
  w.message(2, (s) => shape(s, dims));
  w.bytes(4, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}

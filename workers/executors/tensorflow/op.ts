import {
  floatAttribute,
  floatsAttribute,
  intAttribute,
  intsAttribute,
  type Node,
  OnnxError,
  stringAttribute,
} from '../../../src/onnx/index.js';
import type { Device } from './device.js';
import type { Recorder, Value } from './recorder.js';

/** What an operator's function sees of one node. */
export interface Op
  extends Pick<Recorder, 'mixed' | 'plain' | 'ordered' | 'call' | 'calls' | 'value' | 'sizes' | 'constant'> {
  readonly node: Node;
  readonly opset: number;
  readonly count: number;
  has(i: number): boolean;
  x(i: number): Value;
  int(name: string, otherwise: number): number;
  ints(name: string): readonly number[] | null;
  float(name: string, otherwise: number): number;
  floats(name: string): readonly number[] | null;
  string(name: string, otherwise: string): string;
  /** Numbers of a value that depends on no input; throws `shape-unknown` otherwise. */
  numbers(v: Value): readonly number[];
  unsupported(why: string): OnnxError;
}
export type Operator = (c: Op) => Value | readonly Value[];
export type FindOperator = (node: Node, opset: number) => Operator | null;

/** What an operator's function sees of `node`, whose inputs are among `values`. */
export function opOf(
  node: Node,
  opset: number,
  values: ReadonlyMap<string, Value>,
  { read }: Pick<Device, 'read'>,
  { mixed, plain, ordered, call, calls, value, sizes, constant }: Recorder,
): Op {
  return {
    node,
    opset,
    count: node.inputs.length,
    has: (i) => (node.inputs[i] ?? '') !== '',
    x(i) {
      const found = values.get(node.inputs[i] ?? '');
      if (!found) throw new OnnxError('malformed', `${node.opType} '${node.name}' has no input ${i}.`);
      return found;
    },
    int: (name, otherwise) => intAttribute(node, name, otherwise),
    ints: (name) => intsAttribute(node, name),
    float: (name, otherwise) => floatAttribute(node, name, otherwise),
    floats: (name) => floatsAttribute(node, name),
    string: (name, otherwise) => stringAttribute(node, name, otherwise),
    ...{ mixed, plain, ordered, call, calls, value, sizes, constant },
    numbers(v) {
      if (!v.raw.constant)
        throw new OnnxError(
          'shape-unknown',
          `${node.opType} '${node.name || node.outputs[0]}' takes sizes or axes that the graph computes from its inputs' numbers; the TensorFlow engine needs them constant. Train on onnxruntime.`,
        );
      const r = plain(v);
      return Array.from(read(r.id, r.type, r.dims).data as ArrayLike<number | bigint>, Number);
    },
    unsupported: (why) =>
      new OnnxError(
        'operator-unsupported',
        `${node.opType} (opset ${opset}, node '${node.name || node.outputs[0]}') ${why}: the TensorFlow engine does not run it. Train on onnxruntime.`,
      ),
  };
}

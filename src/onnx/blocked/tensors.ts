import type { AttributeValue } from '../attributes.js';
import type { GraphBuilder } from '../builder.js';
import { cast, pad, reshape, slice } from '../emit.js';
import { constantNumbers, consumers, producers } from '../graph.js';
import { inferShapes } from '../infer.js';
import { emptied } from '../lower/gradients.js';
import type { DataType, Model, Node } from '../types.js';

/** Domain of onnxruntime's operators on blocked tensors: onnxruntime/core/graph/contrib_ops/nchwc_schema_defs.cc. */
export const BLOCKED_DOMAIN = 'com.microsoft.nchwc';

/**
 * The graph being written anew. A tensor of the old graph, by its old name, exists plain, blocked or both; each form is made when
 * it is first asked for. Blocked means: of size [N, C, H, W] with C rounded up to whole blocks, the numbers lying as
 * [N, C / block, H, W, block]. What lies in the channels that were added is finite and means nothing.
 */
export interface Tensors {
  readonly b: GraphBuilder;
  readonly block: number;
  /** Numbers of an input's gradient up to which its phases are computed apart where a convolution has strides. */
  readonly mostInPhases: number;
  /** Measured or inferred size in the old graph; null where nothing is known. */
  dims(name: string): readonly number[] | null;
  type(name: string): DataType | null;
  constant(name: string | undefined): readonly number[] | null;
  /** The tensor that was stretched to this one by Expand, and nothing else; null where it was not. */
  beforeExpand(name: string): string | null;
  /** Nodes of the old graph that read it; null where it is an output of the graph, which anybody reads. */
  readers(name: string): readonly Node[] | null;
  isBlocked(name: string): boolean;
  /** Whether the tensor is or can become blocked: float32 of four axes, channels a multiple of 4. */
  canBlock(name: string): boolean;
  blocked(name: string): string;
  plain(name: string): string;
  setBlocked(name: string, blocked: string): void;
  /** Gives what was computed the name that it has in the old graph. */
  setPlain(name: string, computed: string): void;
  /** A node that another one has taken in. */
  skip(node: Node): void;
  skipped(node: Node): boolean;
  keep(node: Node): void;
  op(opType: string, inputs: readonly string[], attributes?: Readonly<Record<string, AttributeValue>>): string;
}

export function tensorsOf(model: Model, block: number, mostInPhases: number): Tensors {
  const { graph } = model;
  const b = emptied(model, 'blocked/');
  const shapes = inferShapes(model);
  const made = producers(graph);
  const reading = consumers(graph);
  const outputs = new Set(graph.outputs.map((v) => v.name));
  const plain = new Set([...graph.inputs.map((v) => v.name), ...graph.initializers.keys()]);
  const blocked = new Map<string, string>();
  const gone = new Set<Node>();
  const self: Tensors = {
    b,
    block,
    mostInPhases,
    dims: (name) => shapes.get(name)?.dims ?? null,
    type: (name) => shapes.get(name)?.dataType ?? null,
    constant: (name) => (name ? constantNumbers(graph, made, name) : null),
    beforeExpand(name) {
      const node = made.get(name);
      return node?.opType === 'Expand' && node.domain === '' ? (node.inputs[0] as string) : null;
    },
    readers: (name) => (outputs.has(name) ? null : (reading.get(name) ?? [])),
    isBlocked: (name) => blocked.has(name),
    canBlock(name) {
      if (blocked.has(name)) return true;
      const dims = shapes.get(name)?.dims;
      return dims?.length === 4 && shapes.get(name)?.dataType === 'float32' && (dims[1] as number) % 4 === 0;
    },
    blocked(name) {
      const known = blocked.get(name);
      if (known !== undefined) return known;
      const fresh = self.op('ReorderInput', [name]);
      blocked.set(name, fresh);
      return fresh;
    },
    plain(name) {
      const from = blocked.get(name);
      if (name === '' || plain.has(name) || from === undefined) return name;
      plain.add(name);
      const channels = shapes.get(name)?.dims[1] as number;
      const back = { domain: BLOCKED_DOMAIN, outputs: [name] };
      if (shapes.get(name)?.dataType !== 'bool') return b.op('ReorderOutput', [from], { channels }, back);
      // The reordering is there for numbers only.
      const turned = self.op('ReorderOutput', [cast(b, from, 'float32')], { channels });
      return b.op('Cast', [turned], { to: 9 }, { outputs: [name] });
    },
    setBlocked: (name, tensor) => {
      blocked.set(name, tensor);
    },
    setPlain(name, computed) {
      plain.add(name);
      b.op('Identity', [computed], {}, { outputs: [name] });
    },
    skip: (node) => {
      gone.add(node);
    },
    skipped: (node) => gone.has(node),
    keep(node) {
      for (const name of node.inputs) self.plain(name);
      for (const name of node.outputs) plain.add(name);
      b.node(node);
    },
    op: (opType, inputs, attributes = {}) => b.op(opType, inputs, attributes, { domain: BLOCKED_DOMAIN }),
  };
  return self;
}

export const whole = (t: Tensors, channels: number): number => Math.ceil(channels / t.block) * t.block;

/** Zeros at the ends of the axes, up to the sizes wanted. */
export function padTo(t: Tensors, x: string, from: readonly number[], to: readonly number[]): string {
  return pad(t.b, x, [...from.map(() => 0), ...to.map((d, i) => d - (from[i] as number))]);
}

/** The first `channels` along an axis of `size`. */
export function firstOf(t: Tensors, x: string, axis: number, size: number, channels: number): string {
  return size === channels ? x : slice(t.b, x, { starts: [0], ends: [channels], axes: [axis] });
}

/** A vector with a number per channel, with zeros for the channels that were added. */
export function perChannel(t: Tensors, name: string, channels: number): string {
  return padTo(t, reshape(t.b, t.plain(name), [channels]), [channels], [whole(t, channels)]);
}

export interface Fused {
  readonly output: string;
  readonly attributes: Readonly<Record<string, AttributeValue>>;
}

/** The activation that alone reads a tensor and that the operators on blocked tensors can apply to their result. */
export function activationBehind(t: Tensors, name: string): Fused {
  const readers = t.readers(name);
  const node = readers?.length === 1 ? readers[0] : undefined;
  const none = { output: name, attributes: {} };
  if (node?.domain !== '') return none;
  const output = node.outputs[0] as string;
  if (node.opType === 'Relu') {
    t.skip(node);
    return { output, attributes: { activation: 'Relu' } };
  }
  const low = t.constant(node.inputs[1]);
  const high = t.constant(node.inputs[2]);
  if (node.opType !== 'Clip' || low?.length !== 1 || high?.length !== 1) return none;
  t.skip(node);
  const limits = { type: 'floats', value: [low[0] as number, high[0] as number] } as const;
  return { output, attributes: { activation: 'Clip', activation_params: limits } };
}

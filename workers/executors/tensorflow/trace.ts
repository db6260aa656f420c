import type { Precision } from '../../../src/domain/types.js';
import {
  type DataType,
  floatAttribute,
  floatsAttribute,
  intAttribute,
  intsAttribute,
  type Model,
  type Node,
  OnnxError,
  stringAttribute,
} from '../../../src/onnx/index.js';
import type { HostTensor } from '../executor.js';
import { described, unknownOperator } from './describe-node.js';
import { type Device, typeName } from './device.js';
import { hostTensor, numbersIn } from './host.js';
import { type KernelAttributes, outputsOf, preparedAttributes } from './kernels.js';
import { isPlain, laid, type Order, onlyOnesMove, permutation, plainOrder } from './order.js';
import { KernelError, type Plan, type Step, withLastUses } from './plan.js';
import { CAST, inBfloat16 } from './precision.js';

/** A tensor as it lies in memory. */
export interface Raw {
  readonly place: number;
  readonly id: number;
  readonly dims: readonly number[];
  readonly type: DataType;
  /** Of float32: lies in memory as bfloat16. */
  readonly low: boolean;
  /** The same numbers, lying the other way; goes when this goes. */
  twin: Raw | null;
  /** Depends on no input: computed once, while the plan is made. */
  readonly constant: boolean;
  /** Values that still need it. */
  holders: number;
}
/** A tensor of the ONNX graph: sizes as the graph has them, and a tensor in memory whose axes lie in some order. */
export interface Value {
  readonly dims: readonly number[];
  readonly type: DataType;
  readonly order: Order;
  readonly raw: Raw;
  /** The same in other orders, made when something asked for them. */
  readonly copies: Map<string, Raw>;
}

/** What an operator's function sees of one node. */
export interface Op {
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
  /** The tensor with its axes as ONNX has them, or in the given order; transposes where it must. */
  plain(v: Value): Raw;
  ordered(v: Value, order: Order): Raw;
  call(kernel: string, inputs: readonly Raw[], attributes?: KernelAttributes): Raw;
  calls(kernel: string, inputs: readonly Raw[], attributes?: KernelAttributes): readonly Raw[];
  /** A result; `order` is how its axes lie. */
  value(raw: Raw, order?: Order): Value;
  /** int32 [n] for sizes, axes, permutations. */
  sizes(values: readonly number[]): Raw;
  constant(type: DataType, dims: readonly number[], values: ArrayLike<number> | number): Raw;
  /** Numbers of a value that depends on no input; throws `shape-unknown` otherwise. */
  numbers(v: Value): readonly number[];
  unsupported(why: string): OnnxError;
}
export type Operator = (c: Op) => Value | readonly Value[];
export type FindOperator = (node: Node, opset: number) => Operator | null;

/**
 * Runs the graph node by node on what is fed, and writes down every kernel call on the way: the plan, which gives the same
 * for other numbers of the same sizes. What depends on constants only is computed here and kept. Answers the plan and the
 * results of this run by name, which are in float32 whatever `precision` is.
 */
export function trace(
  device: Device,
  model: Model,
  find: FindOperator,
  fed: ReadonlyMap<string, { readonly id: number; readonly type: DataType; readonly dims: readonly number[] }>,
  wanted: readonly string[],
  precision: Precision = 'float32',
): { readonly plan: Plan; readonly results: ReadonlyMap<string, Raw> } {
  const { addon } = device;
  const { graph } = model;
  const steps: Step[] = [];
  const constants = new Map<number, Raw>();
  const known = new Map<string, Raw>();
  const values = new Map<string, Value>();
  /** Made by this run and not gone yet, neither fed nor constant. */
  const alive = new Set<Raw>();
  const bound = new Set<Value>();
  let fresh: Raw[] = [];
  let places = 0;
  let at = '';

  const raw = (id: number, dims: readonly number[], type: DataType, constant: boolean, low = false): Raw => ({
    place: places++,
    ...{ id, dims, type, low, constant },
    twin: null,
    holders: 0,
  });
  const valueFrom = (r: Raw, order: Order = plainOrder(r.dims.length)): Value => {
    const dims = new Array<number>(r.dims.length);
    order.forEach((axis, j) => {
      dims[axis] = r.dims[j] as number;
    });
    return { dims, type: r.type, order, raw: r, copies: new Map() };
  };
  const keep = (t: HostTensor): Raw => {
    const made = raw(device.create(t), t.dims, t.dataType, true);
    constants.set(made.place, made);
    return made;
  };
  const constant = (type: DataType, dims: readonly number[], given: ArrayLike<number> | number): Raw => {
    const key = `${type}[${dims}]${typeof given === 'number' ? given : given.length <= 64 ? Array.from(given).join() : ''}`;
    const small = typeof given === 'number' || given.length <= 64;
    const there = small ? known.get(key) : undefined;
    if (there) return there;
    const made = keep(numbersIn(type, dims, given));
    if (small) known.set(key, made);
    return made;
  };

  function calls(kernel: string, inputs: readonly Raw[], given: KernelAttributes = {}): readonly Raw[] {
    if (precision === 'float32' || inputs.every((r) => r.constant)) return executed(kernel, inputs, given, false);
    const floats = inputs.filter((r) => r.type === 'float32');
    const low = inBfloat16(
      kernel,
      floats.map((r) => r.low),
    );
    const as = (r: Raw): Raw => (r.type === 'float32' && r.low !== low ? otherwise(r) : r);
    return executed(kernel, inputs.map(as), given, low);
  }
  /** The tensor in float32 for one that lies in bfloat16, or the other way round. */
  function otherwise(r: Raw): Raw {
    if (r.twin === null) {
      r.twin = executed('Cast', [r], CAST[r.low ? 'float32' : 'bfloat16'], !r.low)[0] as Raw;
      r.twin.holders = 1;
    }
    return r.twin;
  }
  function executed(kernel: string, inputs: readonly Raw[], given: KernelAttributes, low: boolean): readonly Raw[] {
    const attributes = preparedAttributes(kernel, given);
    let results: ReturnType<typeof addon.executeOp>;
    try {
      results = addon.executeOp(
        kernel,
        attributes,
        inputs.map((r) => r.id),
        outputsOf(kernel, given),
      );
    } catch (error) {
      const sizes = inputs.map((r) => `${r.low ? 'bfloat16' : r.type}[${r.dims}]`).join(', ');
      throw new KernelError(`${at}: ${error instanceof Error ? error.message : String(error)} (${kernel} of ${sizes})`);
    }
    const still = inputs.every((r) => r.constant);
    const made = results.map((r) => {
      const type = typeName(r.dtype);
      const lies = low && type === 'bfloat16';
      return raw(r.id, r.shape, lies ? 'float32' : type, still, lies);
    });
    if (still) for (const r of made) constants.set(r.place, r);
    else {
      for (const r of made) alive.add(r);
      fresh.push(...made);
      const [ins, outs] = [inputs.map((r) => r.place), made.map((r) => r.place)];
      steps.push({ kernel, attributes, inputs: ins, outputs: outs, free: [], node: at });
    }
    return made;
  }
  const call = (kernel: string, inputs: readonly Raw[], given?: KernelAttributes): Raw =>
    calls(kernel, inputs, given)[0] as Raw;
  const sizes = (list: readonly number[]): Raw => constant('int32', [list.length], list);

  function ordered(v: Value, order: Order): Raw {
    const key = order.join();
    if (key === v.order.join()) return v.raw;
    const there = v.copies.get(key);
    if (there) return there;
    const made = onlyOnesMove(v.dims, v.order, order)
      ? call('Reshape', [v.raw, sizes(laid(v.dims, order))])
      : call('Transpose', [v.raw, sizes(permutation(v.order, order))]);
    v.copies.set(key, made);
    if (bound.has(v)) made.holders++;
    return made;
  }
  const plain = (v: Value): Raw => (isPlain(v.order) ? v.raw : ordered(v, plainOrder(v.dims.length)));

  function contextOf(node: Node, opset: number): Op {
    const x = (i: number): Value => {
      const found = values.get(node.inputs[i] ?? '');
      if (!found) throw new OnnxError('malformed', `${node.opType} '${node.name}' has no input ${i}.`);
      return found;
    };
    return {
      node,
      opset,
      count: node.inputs.length,
      has: (i) => (node.inputs[i] ?? '') !== '',
      x,
      int: (name, otherwise) => intAttribute(node, name, otherwise),
      ints: (name) => intsAttribute(node, name),
      float: (name, otherwise) => floatAttribute(node, name, otherwise),
      floats: (name) => floatsAttribute(node, name),
      string: (name, otherwise) => stringAttribute(node, name, otherwise),
      plain,
      ordered,
      call,
      calls,
      value: valueFrom,
      sizes,
      constant,
      numbers(v) {
        if (!v.raw.constant)
          throw new OnnxError(
            'shape-unknown',
            `${node.opType} '${node.name || node.outputs[0]}' takes sizes or axes that the graph computes from its inputs' numbers; the TensorFlow engine needs them constant. Train on onnxruntime.`,
          );
        const r = plain(v);
        return Array.from(device.read(r.id, r.type, r.dims).data as ArrayLike<number | bigint>, Number);
      },
      unsupported: (why) =>
        new OnnxError(
          'operator-unsupported',
          `${node.opType} (opset ${opset}, node '${node.name || node.outputs[0]}') ${why}: the TensorFlow engine does not run it. Train on onnxruntime.`,
        ),
    };
  }

  const bind = (name: string, v: Value): void => {
    values.set(name, v);
    if (bound.has(v)) return;
    bound.add(v);
    for (const r of [v.raw, ...v.copies.values()]) r.holders++;
  };
  const letGo = (r: Raw): void => {
    if (r.holders > 0) return;
    const { twin } = r;
    r.twin = null;
    if (twin !== null) {
      twin.holders--;
      letGo(twin);
    }
    if (alive.delete(r)) addon.deleteTensor(r.id);
  };

  const needed = neededNodes(graph.nodes, wanted);
  const readers = new Map<string, number>();
  for (const name of [...needed.flatMap((n) => n.inputs), ...wanted]) readers.set(name, (readers.get(name) ?? 0) + 1);
  const fedPlaces = new Map<string, number>();
  try {
    for (const [name, { id, type, dims }] of fed) {
      const r = raw(id, dims, type, false);
      fedPlaces.set(name, r.place);
      bind(name, valueFrom(r));
    }
    for (const [name, t] of graph.initializers)
      if (readers.has(name) && !values.has(name)) bind(name, valueFrom(keep(hostTensor(t))));
    for (const node of needed) {
      const opset = model.opsets.get(node.domain) ?? 0;
      at = described(node, opset, values);
      const operator = find(node, opset);
      if (operator === null) throw unknownOperator(node, opset);
      const context = contextOf(node, opset);
      const made = operator(context);
      const outputs: readonly Value[] = Array.isArray(made) ? (made as readonly Value[]) : [made as Value];
      node.outputs.forEach((name, i) => {
        if (name === '' || !readers.has(name)) return;
        const output = outputs[i];
        if (!output) throw context.unsupported(`has an output ${i} ('${name}') that is used`);
        bind(name, output);
      });
      for (const name of node.inputs) release(name);
      for (const r of fresh) letGo(r);
      fresh = [];
    }
    at = 'results';
    const taken = new Set<number>();
    const results = new Map<string, Raw>();
    for (const name of wanted) {
      const v = values.get(name);
      if (!v) throw new OnnxError('unknown-tensor', `The graph has no tensor '${name}'.`);
      let r = plain(v);
      if (r.low) r = otherwise(r);
      // A result is its own tensor: what is fed, kept or given twice is handed out as a further handle.
      if (r.constant || !alive.has(r) || taken.has(r.place)) r = copy(r);
      taken.add(r.place);
      results.set(name, r);
    }
    const kept = new Set<number>([...fedPlaces.values(), ...taken]);
    const used = new Set(steps.flatMap((s) => s.inputs));
    for (const r of constants.values()) {
      kept.add(r.place);
      if (used.has(r.place) || taken.has(r.place)) continue;
      addon.deleteTensor(r.id);
      constants.delete(r.place);
    }
    for (const r of alive) if (!taken.has(r.place)) addon.deleteTensor(r.id);
    withLastUses(steps, kept);
    return {
      plan: {
        steps,
        places,
        constants: new Map([...constants].map(([place, r]) => [place, r.id])),
        fed: fedPlaces,
        results: new Map([...results].map(([name, r]) => [name, r.place])),
        types: new Map([...results].map(([name, { type, dims }]) => [name, { type, dims }])),
      },
      results,
    };
  } catch (error) {
    for (const r of [...alive, ...constants.values()]) addon.deleteTensor(r.id);
    throw error;
  }

  function release(name: string): void {
    const left = (readers.get(name) ?? 0) - 1;
    readers.set(name, left);
    if (left > 0) return;
    const v = values.get(name);
    // Another name of the same value may still be read.
    if (!v || [...values].some(([other, w]) => w === v && other !== name && (readers.get(other) ?? 0) > 0)) return;
    for (const r of [v.raw, ...v.copies.values()]) {
      r.holders--;
      letGo(r);
    }
    bound.delete(v);
    values.delete(name);
  }
  /** A further handle of the same tensor, made in every run. */
  function copy(r: Raw): Raw {
    const [result] = addon.executeOp('Identity', [], [r.id], 1);
    const made = raw(result!.id, r.dims, r.type, false);
    alive.add(made);
    steps.push({ kernel: 'Identity', attributes: [], inputs: [r.place], outputs: [made.place], free: [], node: at });
    return made;
  }
}

/** The nodes that the wanted tensors need, in the graph's order. */
function neededNodes(nodes: readonly Node[], wanted: readonly string[]): readonly Node[] {
  const names = new Set(wanted);
  const found: Node[] = [];
  for (const node of [...nodes].reverse()) {
    if (!node.outputs.some((name) => names.has(name))) continue;
    found.push(node);
    for (const name of node.inputs) names.add(name);
  }
  return found.reverse();
}

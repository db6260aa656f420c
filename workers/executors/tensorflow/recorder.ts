import type { Precision } from '../../../src/domain/types.js';
import type { DataType } from '../../../src/onnx/index.js';
import type { HostTensor } from '../executor.js';
import { type Device, typeName } from './device.js';
import { numbersIn } from './host.js';
import { type KernelAttributes, outputsOf, preparedAttributes } from './kernels.js';
import { isPlain, laid, type Order, onlyOnesMove, permutation, plainOrder } from './order.js';
import { KernelError, type Step } from './plan.js';
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
/** The type in which it lies in memory. */
export const lyingType = ({ low, type }: Pick<Raw, 'low' | 'type'>): DataType => (low ? 'bfloat16' : type);
/** A tensor of the ONNX graph: sizes as the graph has them, and a tensor in memory whose axes lie in some order. */
export interface Value {
  readonly dims: readonly number[];
  readonly type: DataType;
  readonly order: Order;
  readonly raw: Raw;
  /** The same in other orders, made when something asked for them. */
  readonly copies: Map<string, Raw>;
}

/**
 * Runs kernels and writes each call down. What depends on constants only is kept and not written down; everything else goes
 * when the last value that holds it is let go.
 */
export interface Recorder {
  /** Whether products are computed in bfloat16. */
  readonly mixed: boolean;
  readonly steps: readonly Step[];
  /** Tensors made so far: the places of a plan. */
  places(): number;
  /** What stays from run to run, by place. */
  readonly constants: ReadonlyMap<number, Raw>;
  /** Made by this run and not gone yet, neither fed nor constant. */
  readonly alive: ReadonlySet<Raw>;
  /** Words for where the calls that follow belong. */
  within(node: string): void;
  /** A tensor of the caller's. */
  lent(id: number, dims: readonly number[], type: DataType): Raw;
  keep(t: HostTensor): Raw;
  constant(type: DataType, dims: readonly number[], values: ArrayLike<number> | number): Raw;
  /** int32 [n] for sizes, axes, permutations. */
  sizes(values: readonly number[]): Raw;
  call(kernel: string, inputs: readonly Raw[], attributes?: KernelAttributes): Raw;
  calls(kernel: string, inputs: readonly Raw[], attributes?: KernelAttributes): readonly Raw[];
  /** A result; `order` is how its axes lie. */
  value(raw: Raw, order?: Order): Value;
  /** The tensor with its axes as ONNX has them, or in the given order; transposes where it must. */
  plain(v: Value): Raw;
  ordered(v: Value, order: Order): Raw;
  /** The tensor in float32, whichever way it lies. */
  whole(r: Raw): Raw;
  /** A further handle of the same tensor, made in every run. */
  copy(r: Raw): Raw;
  /** The value's tensors stay until it is let go of. */
  hold(v: Value): void;
  letGo(v: Value): void;
  /** What nobody has held since the last sweep goes. */
  sweep(): void;
  /** Deletes what of the constants neither a step nor one of `places` needs. */
  dropUnused(places: ReadonlySet<number>): void;
  /** Deletes what is alive, but for these. */
  dropAlive(but: ReadonlySet<number>): void;
  /** Deletes everything that is not lent. */
  dropAll(): void;
}

export function recorder({ addon, create }: Device, precision: Precision): Recorder {
  const steps: Step[] = [];
  const constants = new Map<number, Raw>();
  const known = new Map<string, Raw>();
  const alive = new Set<Raw>();
  const held = new Set<Value>();
  let fresh: Raw[] = [];
  let places = 0;
  let at = '';

  const raw = (id: number, dims: readonly number[], type: DataType, constant: boolean, low = false): Raw => ({
    place: places++,
    ...{ id, dims, type, low, constant },
    twin: null,
    holders: 0,
  });
  const value = (r: Raw, order: Order = plainOrder(r.dims.length)): Value => {
    const dims = new Array<number>(r.dims.length);
    order.forEach((axis, j) => {
      dims[axis] = r.dims[j] as number;
    });
    return { dims, type: r.type, order, raw: r, copies: new Map() };
  };
  const keep = (t: HostTensor): Raw => {
    const made = raw(create(t), t.dims, t.dataType, true);
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
      const [types, sizes] = [inputs.map(lyingType), inputs.map((r) => r.dims)];
      steps.push({ kernel, attributes, inputs: ins, outputs: outs, types, sizes, free: [], node: at });
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
    if (held.has(v)) made.holders++;
    return made;
  }
  const plain = (v: Value): Raw => (isPlain(v.order) ? v.raw : ordered(v, plainOrder(v.dims.length)));
  const gone = (r: Raw): void => {
    if (r.holders > 0) return;
    const { twin } = r;
    r.twin = null;
    if (twin !== null) {
      twin.holders--;
      gone(twin);
    }
    if (alive.delete(r)) addon.deleteTensor(r.id);
  };
  return {
    mixed: precision === 'mixed',
    steps,
    constants,
    alive,
    places: () => places,
    within: (node) => {
      at = node;
    },
    lent: (id, dims, type) => raw(id, dims, type, false),
    ...{ keep, constant, sizes, call, calls, value, plain, ordered },
    whole: (r) => (r.low ? otherwise(r) : r),
    copy(r) {
      const [result] = addon.executeOp('Identity', [], [r.id], 1);
      const made = raw(result!.id, r.dims, r.type, false);
      alive.add(made);
      const [inputs, outputs, types, sizes] = [[r.place], [made.place], [lyingType(r)], [r.dims]];
      steps.push({ kernel: 'Identity', attributes: [], inputs, outputs, types, sizes, free: [], node: at });
      return made;
    },
    hold(v) {
      if (held.has(v)) return;
      held.add(v);
      for (const r of [v.raw, ...v.copies.values()]) r.holders++;
    },
    letGo(v) {
      for (const r of [v.raw, ...v.copies.values()]) {
        r.holders--;
        gone(r);
      }
      held.delete(v);
    },
    sweep() {
      for (const r of fresh) gone(r);
      fresh = [];
    },
    dropUnused(wanted) {
      const used = new Set(steps.flatMap((s) => s.inputs));
      for (const r of constants.values()) {
        if (used.has(r.place) || wanted.has(r.place)) continue;
        addon.deleteTensor(r.id);
        constants.delete(r.place);
      }
    },
    dropAlive(but) {
      for (const r of alive) if (!but.has(r.place)) addon.deleteTensor(r.id);
    },
    dropAll() {
      for (const r of [...alive, ...constants.values()]) addon.deleteTensor(r.id);
    },
  };
}

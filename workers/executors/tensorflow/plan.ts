import type { DataType } from '../../../src/onnx/index.js';
import type { KernelAttribute } from './addon.js';
import type { Device } from './device.js';

/** One kernel call. Places are indices of the plan's table of tensors. */
export interface Step {
  readonly kernel: string;
  readonly attributes: readonly KernelAttribute[];
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  /** What the inputs lie as in memory. */
  readonly types: readonly DataType[];
  readonly sizes: readonly (readonly number[])[];
  /** Places that nothing reads after this step. */
  free: readonly number[];
  /** The ONNX node that it is part of, for words when it fails. */
  readonly node: string;
}
export interface Typed {
  readonly type: DataType;
  readonly dims: readonly number[];
}
export interface Plan {
  readonly steps: readonly Step[];
  readonly places: number;
  /** Tensors that stay from run to run, by place. */
  readonly constants: ReadonlyMap<number, number>;
  /** Places of what is fed, by name. */
  readonly fed: ReadonlyMap<string, number>;
  /** What that which is fed and that which stays lie as, by place. */
  readonly tensors: ReadonlyMap<number, Typed>;
  /** Places of results, by name; each is the result's own. */
  readonly results: ReadonlyMap<string, number>;
  /** What the results are, by name. */
  readonly types: ReadonlyMap<string, Typed>;
}

/** A kernel that raised, with the node that asked for it. */
export class KernelError extends Error {
  override readonly name = 'KernelError';
}

/** For every step, what it is the last to touch of the places that are neither constants nor fed nor results. */
export function withLastUses(steps: readonly Step[], kept: ReadonlySet<number>): void {
  const seen = new Set(kept);
  for (let i = steps.length - 1; i >= 0; i--) {
    const step = steps[i]!;
    const free: number[] = [];
    for (const place of [...step.inputs, ...step.outputs])
      if (!seen.has(place)) {
        seen.add(place);
        free.push(place);
      }
    step.free = free;
  }
}

/**
 * Runs the calls one after the other; tensors go as soon as nothing reads them. `fed`: tensors by name, which stay the
 * caller's. Answers the results' tensors by name, which become the caller's.
 */
export function runPlan(device: Device, plan: Plan, fed: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
  const { addon } = device;
  const ids = new Int32Array(plan.places).fill(-1);
  for (const [place, id] of plan.constants) ids[place] = id;
  for (const [name, place] of plan.fed) ids[place] = fed.get(name)!;
  let at = 0;
  try {
    for (; at < plan.steps.length; at++) {
      const step = plan.steps[at]!;
      const inputs = step.inputs.map((place) => ids[place]!);
      const results = addon.executeOp(step.kernel, step.attributes, inputs, step.outputs.length);
      for (let k = 0; k < step.outputs.length; k++) ids[step.outputs[k]!] = results[k]!.id;
      for (const place of step.free) {
        addon.deleteTensor(ids[place]!);
        ids[place] = -1;
      }
    }
  } catch (error) {
    const lent = new Set([...plan.constants.values(), ...fed.values()]);
    for (const id of ids) if (id >= 0 && !lent.has(id)) addon.deleteTensor(id);
    throw new KernelError(
      `${plan.steps[at]?.node ?? 'A node'}: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  return new Map([...plan.results].map(([name, place]) => [name, ids[place]!]));
}

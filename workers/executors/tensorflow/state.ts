import type { DataType } from '../../../src/onnx/index.js';
import type { FedBack, HostTensor, State } from '../executor.js';
import type { Device } from './device.js';

/** A tensor that the library holds. */
export interface Tensor {
  readonly id: number;
  readonly type: DataType;
  readonly dims: readonly number[];
}
export interface Resident extends State {
  readonly tensors: Map<string, Tensor>;
  readonly outputOf: ReadonlyMap<string, string>;
  readonly inPlace: ReadonlySet<string>;
}
/** What a step has made of a state. */
export interface Stepped {
  readonly results: ReadonlyMap<string, Tensor>;
  /** Inputs of the state, and the outputs that are their next values. */
  readonly next: readonly (readonly [string, string])[];
  /** What was given up for them. */
  readonly empty: ReadonlyMap<string, Tensor>;
}

export const read = (on: Device, { id, type, dims }: Tensor): HostTensor => on.read(id, type, dims);
export const created = (on: Device, t: HostTensor): Tensor => ({ id: on.create(t), type: t.dataType, dims: t.dims });

/** State on the library's device. */
export function residentState(on: Device, of: readonly FedBack[]): Resident {
  const { addon } = on;
  const tensors = new Map(
    of.map(({ input, initial: { dataType, dims, data } }) => [
      input,
      data === null ? zeros(on, dataType, dims) : created(on, { dataType, dims, data }),
    ]),
  );
  return {
    tensors,
    outputOf: new Map(of.map((s) => [s.input, s.output])),
    inPlace: new Set(of.filter((s) => s.inPlace).map((s) => s.input)),
    read: async (input) => read(on, tensors.get(input)!),
    write: async (input, value) => {
      const old = tensors.get(input);
      tensors.set(input, created(on, value));
      if (old) addon.deleteTensor(old.id);
    },
    dispose: () => {
      for (const { id } of tensors.values()) addon.deleteTensor(id);
      tensors.clear();
    },
  };
}

const zeros = (on: Device, type: DataType, dims: readonly number[]): Tensor => ({
  id: on.zeros(type, dims),
  type,
  dims,
});

/**
 * Gives up what a step only writes, not reads (`taken`), and may write before it is accepted: the gradients' sums, which lie in
 * memory once so. Answers what was there.
 */
export function emptied(
  { addon }: Device,
  { tensors, inPlace }: Resident,
  next: Stepped['next'],
  taken: ReadonlySet<string>,
): ReadonlyMap<string, Tensor> {
  const renewed = next.map(([input]) => input).filter((input) => inPlace.has(input) && !taken.has(input));
  const empty = new Map(renewed.map((input) => [input, tensors.get(input)!]));
  for (const [input, { id }] of empty) {
    addon.deleteTensor(id);
    tensors.delete(input);
  }
  return empty;
}

/** Zeros for what was given up for a step that failed, unless there is no device any more to hold them. */
export function refill(on: Device, { tensors }: Resident, empty: ReadonlyMap<string, Tensor>): void {
  try {
    for (const [input, { type, dims }] of empty) tensors.set(input, zeros(on, type, dims));
  } catch {
    // The step's own error tells of it.
  }
}

/** Puts next values in the places of the last ones; results that nobody has a use for are deleted, but for those `held`. */
export function takeOver(
  { addon }: Device,
  { tensors }: Resident,
  { results, next, empty }: Stepped,
  accepted: boolean,
  held: ReadonlySet<string> = new Set(),
): void {
  const changed = next.filter(([input]) => accepted || empty.has(input));
  const kept = new Set([...held, ...changed.map(([, output]) => output)]);
  for (const [name, { id }] of results) if (!kept.has(name)) addon.deleteTensor(id);
  for (const [input, output] of changed) {
    const old = tensors.get(input);
    if (old) addon.deleteTensor(old.id);
    tensors.set(input, results.get(output)!);
  }
}

import { lying, type StateEntry, type Tensor, unlying, unpacked } from '../../../src/onnx/index.js';
import type { Executor, FedBack, Feeds, HostTensor } from '../../executors/executor.js';
import { firstNotFinite } from './culprit.js';
import { DROPOUT_MASK, dropoutMask } from './dropout.js';
import { forms } from './forms.js';
import { TARGETS, type TuneGraphs } from './graphs.js';
import type { PassInput } from './pass-input.js';
import { averageName } from './step.js';
import { type StepInput, type Stepper, stepper } from './stepper.js';

/** Tensors of a run by input: parameters, moments, running statistics, averages. */
export type Snapshot = ReadonlyMap<string, Float32Array>;
/** The weights as the last step left them, or their moving average. */
export type Of = 'trained' | 'average';

/** A batch; `number` is the step's, where anything is drawn for it. */
type PassRows = Pick<StepInput, 'data' | 'targets'> & Partial<Pick<StepInput, 'number'>>;
export interface Tuner extends Stepper {
  /** Name of the first tensor of that step that is not finite, or null. */
  culprit(input: PassRows): Promise<string | null>;
  /** Row-major [rows, classes] of one pass. */
  logits(data: HostTensor['data'], of?: Of): Promise<Float32Array>;
  /** Everything that goes on from step to step. */
  snapshot(): Promise<Snapshot>;
  /** What `logits` depends on: parameters and running statistics, under their own names. */
  weights(of: Of): Promise<Snapshot>;
  /** Goes on from a whole snapshot. Throws `RangeError` where something lacks or has another size. */
  restore(from: Snapshot): Promise<void>;
  /** Begins anew from weights: moments are zeros, averages the weights themselves. */
  adopt(weights: Snapshot): Promise<void>;
  /** The trained tensors of a snapshot under the base's names, the head's among them. */
  tensors(of: Snapshot): readonly Tensor[];
  dispose(): Promise<void>;
}

const numbersIn = (dims: readonly number[]): number => dims.reduce((n, d) => n * d, 1);

/**
 * Compiles the graphs; the state stays with the engine from step to step. `at` gives the same network for texts of another
 * length, by which the one state is trained too; each length is compiled when it first comes.
 */
export async function tuner(
  executor: Executor,
  graphs: TuneGraphs,
  at?: (length: number) => Promise<TuneGraphs>,
): Promise<Tuner> {
  const { step: made, packs, statistics, initial } = graphs;
  const lengths = forms(executor, graphs, at);
  const [first, apply, average] = [
    await (await lengths.of(graphs.input.dims)).pass(),
    await executor.compileUpdate(made.apply),
    made.average === null ? null : await executor.compileUpdate(made.average),
  ];
  const weights: readonly StateEntry[] = [...made.parameters, ...statistics];
  const entries = [...weights, ...made.moments, ...made.averages];
  const blank = (size: number) => new Float32Array(size);
  const packOf = new Map(packs.map((pack) => [pack.name, pack]));
  const packByInput = new Map(entries.map(({ input, of }) => [input, packOf.get(of ?? input)]));
  /** From a tensor's own order of numbers to how they lie in the state, and back. */
  const laid = (name: string, data: Float32Array): Float32Array => {
    const pack = packByInput.get(name);
    return pack ? lying(pack, data) : data;
  };
  const own = (name: string, data: Float32Array): Float32Array => {
    const pack = packByInput.get(name);
    return pack ? unlying(pack, data) : data;
  };
  const averaged = new Map(weights.map(({ input }) => [averageName(input), input]));
  const begin = (name: string): Float32Array | null => {
    const data = initial(averaged.get(name) ?? name);
    return data && laid(name, data);
  };
  const fed = [...entries, ...made.sums].map(({ input, output, dims }): FedBack => {
    // Running statistics come from the pass, and stay where it is refused.
    const inPlace = statistics.every((s) => s.input !== input);
    return { input, output, initial: { dataType: 'float32', dims, data: begin(input) }, inPlace };
  });
  const guards = made.guards.map(({ input, output, dims }): FedBack => {
    return { input, output, initial: { dataType: 'float32', dims, data: Float32Array.of(1) } };
  });
  const state = first.state([...fed, ...guards, ...lengths.constants]);
  /** A state that something was written to is sound again. */
  const sound = async (): Promise<void> => {
    for (const { input, initial } of guards) await state.write(input, { ...initial, data: Float32Array.of(1) });
  };
  const rows = graphs.input.dims[0]!;
  const classes = made.pass.graph.inputs.find((v) => v.name === TARGETS)!.shape![1] as number;
  /** The network that takes `examples` rows of this data. */
  const formFor = (data: HostTensor['data'], examples: number) =>
    lengths.of(graphs.input.dims.length === 2 ? [rows, data.length / examples] : graphs.input.dims);
  const formOf = ({ data, targets }: PassRows) => formFor(data, targets.length / classes);
  /** Not the engine's own memory, which the next step writes to. */
  const read = async (name: string): Promise<Float32Array> => {
    const there = (await state.read(name)).data as Float32Array;
    const data = own(name, there);
    return data === there ? data.slice() : data;
  };
  const readAll = async (pairs: readonly (readonly [string, string])[]): Promise<Snapshot> =>
    new Map(await Promise.all(pairs.map(async ([name, from]) => [name, await read(from)] as const)));

  const write = async ({ input, dims }: StateEntry, data: Float32Array | undefined): Promise<void> => {
    if (data?.length !== numbersIn(dims))
      throw new RangeError(`The snapshot lacks '${input}' of ${numbersIn(dims)} numbers.`);
    const lies = laid(input, data);
    await state.write(input, { dataType: 'float32', dims, data: lies === data ? data.slice() : lies });
  };

  /** The batch in passes; those without a target that counts are left out. */
  function* passes({ data, targets, number = 1 }: PassRows, input: PassInput): Generator<Feeds> {
    const row = numbersIn(input.dims.slice(1));
    for (let at = 0; at * classes < targets.length; at += rows) {
      const part = targets.subarray(at * classes, (at + rows) * classes);
      if (at > 0 && part.every((x) => x === 0)) continue;
      yield {
        ...input.feeds(data.subarray(at * row, (at + rows) * row) as HostTensor['data']),
        [TARGETS]: { dataType: 'float32', dims: [rows, classes], data: part },
        ...(graphs.dropout !== null && {
          [DROPOUT_MASK]: dropoutMask(graphs.dropout, number, at, [rows, graphs.maskNumbers]),
        }),
      };
    }
  }
  const steps = stepper(made, state, { apply, average }, async (input) => {
    const form = await formOf(input);
    return { program: await form.pass(), passes: passes(input, form.input) };
  });

  return {
    ...steps,
    async culprit(input) {
      const form = await formOf(input);
      return firstNotFinite(executor, form.model, form.watched, state, passes(input, form.input));
    },
    async logits(data, of = 'trained') {
      const form = await formFor(data, rows);
      const measure = await form.measure();
      const feeds: Record<string, HostTensor> = { ...form.input.feeds(data) };
      if (of === 'average') for (const { input } of weights) feeds[input] = await state.read(averageName(input));
      const { logits } = await measure.run(feeds, ['logits'], state);
      return logits!.data as Float32Array;
    },
    snapshot: () => readAll(entries.map(({ input }) => [input, input])),
    weights: (of) => readAll(weights.map(({ input }) => [input, of === 'average' ? averageName(input) : input])),
    async restore(from) {
      for (const entry of entries) await write(entry, from.get(entry.input));
      await sound();
    },
    async adopt(from) {
      for (const entry of entries) {
        const value = from.get(entry.input) ?? from.get(averaged.get(entry.input) ?? '');
        await write(entry, value ?? blank(numbersIn(entry.dims)));
      }
      await sound();
    },
    tensors: (of) => [
      ...packs.flatMap((pack) => unpacked(pack, of.get(pack.name)!)),
      ...statistics.map(
        ({ input, dims }): Tensor => ({
          name: input,
          dataType: 'float32',
          dims,
          data: new Uint8Array(of.get(input)!.slice().buffer),
        }),
      ),
    ],
    async dispose() {
      state.dispose();
      await lengths.dispose();
      await apply.dispose();
      await average?.dispose();
    },
  };
}

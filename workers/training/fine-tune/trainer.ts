import { type Tensor, unpacked } from '../../../src/onnx/index.js';
import type { Executor, FedBack, HostTensor } from '../../executors/executor.js';
import { TARGETS, type TuneGraphs } from './graphs.js';

/** Everything that a step reads and writes, by input: parameters, moments, running statistics. */
export type Snapshot = ReadonlyMap<string, Float32Array>;

export interface Tuner {
  /** One optimizer step, counted from 1. `data` is one batch; `targets` [batch, classes] soft labels, rows scaled. */
  step(
    number: number,
    data: HostTensor['data'],
    targets: Float32Array,
    rate: number,
  ): Promise<{ readonly loss: number; readonly norm: number }>;
  /** Row-major [batch, classes] of one batch. */
  logits(data: HostTensor['data']): Promise<Float32Array>;
  snapshot(): Promise<Snapshot>;
  restore(from: Snapshot): Promise<void>;
  /** The trained tensors of a snapshot under the base's names, the head's among them. */
  tensors(of: Snapshot): readonly Tensor[];
  dispose(): Promise<void>;
}

const scalar = (value: number): HostTensor => ({ dataType: 'float32', dims: [], data: Float32Array.of(value) });

/** Compiles the graphs; the state stays with the engine from step to step. */
export async function tuner(executor: Executor, graphs: TuneGraphs): Promise<Tuner> {
  const [train, measure] = [
    await executor.compile(graphs.train, { training: true }),
    await executor.compile(graphs.measure, { training: true }),
  ];
  const fed: FedBack[] = [...graphs.step.parameters, ...graphs.step.moments, ...graphs.statistics].map(
    ({ input, output, dims }) => ({
      input,
      output,
      initial: {
        dataType: 'float32',
        dims,
        // The engine may keep the array as its own memory: never the caller's.
        data: graphs.initial.get(input)?.slice() ?? new Float32Array(dims.reduce((n, d) => n * d, 1)),
      },
    }),
  );
  const state = train.state(fed);
  const type = graphs.below === null ? 'uint8' : 'float32';
  const feed = (data: HostTensor['data']): HostTensor => ({ dataType: type, dims: graphs.input.dims, data });
  const classes = graphs.train.graph.inputs.find((v) => v.name === TARGETS)!.shape![1] as number;
  const batch = graphs.input.dims[0]!;
  const scalars = new Set(graphs.step.scalars);
  return {
    async step(number, data, targets, rate) {
      const { loss, gradient_norm: norm } = await train.step(
        state,
        {
          [graphs.input.name]: feed(data),
          [TARGETS]: { dataType: 'float32', dims: [batch, classes], data: targets },
          learning_rate: scalar(rate),
          ...(scalars.has('bias_correction1') && {
            bias_correction1: scalar(1 - 0.9 ** number),
            bias_correction2: scalar(1 - 0.999 ** number),
          }),
        },
        ['loss', 'gradient_norm'],
      );
      return { loss: (loss!.data as Float32Array)[0]!, norm: (norm!.data as Float32Array)[0]! };
    },
    async logits(data) {
      const { logits } = await measure.run({ [graphs.input.name]: feed(data) }, ['logits'], state);
      return logits!.data as Float32Array;
    },
    async snapshot() {
      const entries = await Promise.all(
        fed.map(async ({ input }) => [input, ((await state.read(input)).data as Float32Array).slice()] as const),
      );
      return new Map(entries);
    },
    async restore(from) {
      for (const { input, initial } of fed) {
        const data = from.get(input);
        if (data === undefined || data.length !== initial.data.length)
          throw new RangeError(`The snapshot lacks '${input}' of ${initial.data.length} numbers.`);
        await state.write(input, { ...initial, data: data.slice() });
      }
    },
    tensors: (of) => [
      ...graphs.packs.flatMap((pack) => unpacked(pack, of.get(pack.name)!)),
      ...graphs.statistics.map(
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
      await train.dispose();
      await measure.dispose();
    },
  };
}

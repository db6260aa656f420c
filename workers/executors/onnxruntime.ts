import { env, InferenceSession, Tensor } from 'onnxruntime-node';
import {
  blockedLayout,
  type DataType,
  encodeModel,
  lowerGradients,
  type Model,
  type Tensor as ModelTensor,
  overwritable,
  type ShapeRunner,
  type ValueRunner,
} from '../../src/onnx/index.js';
import type { CompileOptions, Executor, Feeds, HostTensor, Program, State, TensorData } from './executor.js';
import { blockOfChannels } from './onnxruntime-blocks.js';
import { FAULTS_OFF } from './onnxruntime-faults.js';

/**
 * Spinning threads would burn the cores that decode the next batch, but a training step has over a thousand operators to
 * hand over. The planner's block and the arena pay where a pass is small and repeats; for a step of MobileNetV2 at batch 32
 * they took 4.7 GB where allocating as needed takes 2.6, at the same speed with an allocator that keeps what it has (see
 * `MALLOC` in training/child-process.ts). A step is two graphs, each with threads of its own: those of the one must not go on
 * spinning while the other runs (cached last layers of MobileNetV2, 2 cores: 157 ms a step, 102 so).
 */
const sessionOptions = (threads: number, training: boolean): InferenceSession.SessionOptions => ({
  executionProviders: ['cpu'],
  intraOpNumThreads: threads,
  interOpNumThreads: 1,
  executionMode: 'sequential',
  graphOptimizationLevel: 'all',
  enableCpuMemArena: !training,
  enableMemPattern: !training,
  logSeverityLevel: 3,
  extra: {
    ...FAULTS_OFF,
    session: { intra_op: { allow_spinning: training ? '1' : '0' }, force_spinning_stop: training ? '1' : '0' },
  },
});

/** The engine's tensor over the same memory. */
export const tensorOf = ({ dataType, dims, data }: HostTensor): Tensor =>
  new Tensor(dataType as Tensor.Type, data as Tensor.DataTypeMap[Tensor.Type], [...dims]);
const hostOf = (t: Tensor): HostTensor => ({ dataType: t.type as DataType, dims: t.dims, data: t.data as TensorData });

interface Resident extends State {
  readonly tensors: Map<string, Tensor>;
  readonly outputOf: ReadonlyMap<string, string>;
  readonly inPlace: ReadonlySet<string>;
}

/** `mayOverwrite` says of which inputs the memory may take which outputs. */
function program(
  session: InferenceSession,
  mayOverwrite: (input: string, output: string) => boolean = () => false,
): Program {
  const feedsOf = (feeds: Feeds): Record<string, Tensor> =>
    Object.fromEntries(Object.entries(feeds).map(([name, value]) => [name, tensorOf(value)]));
  const taken = new Set(session.inputNames);
  const given = new Set(session.outputNames);
  const takenOf = (state: State): Record<string, Tensor> =>
    Object.fromEntries([...(state as Resident).tensors].filter(([name]) => taken.has(name)));
  return {
    inputs: session.inputNames,
    outputs: session.outputNames,
    async run(feeds, fetch, state) {
      const resident = state === undefined ? {} : takenOf(state);
      const results = await session.run({ ...resident, ...feedsOf(feeds) }, fetch);
      return Object.fromEntries(fetch.map((name) => [name, hostOf(results[name] as Tensor)]));
    },
    state(of) {
      const tensors = new Map(of.map((s) => [s.input, tensorOf(s.initial)]));
      const state: Resident = {
        tensors,
        outputOf: new Map(of.map((s) => [s.input, s.output])),
        inPlace: new Set(of.filter((s) => s.inPlace).map((s) => s.input)),
        read: async (input) => hostOf(tensors.get(input) as Tensor),
        write: async (input, value) => {
          tensors.set(input, tensorOf(value));
        },
        dispose: () => tensors.clear(),
      };
      return state;
    },
    async step(state, feeds, fetch, accept = () => true) {
      const { tensors, outputOf, inPlace } = state as Resident;
      const next = [...outputOf].filter(([, output]) => given.has(output));
      const into = next.map(([input, output]): [string, Tensor | null] => [
        output,
        inPlace.has(input) && mayOverwrite(input, output) ? (tensors.get(input) as Tensor) : null,
      ]);
      const wanted = Object.fromEntries([...fetch.map((name): [string, null] => [name, null]), ...into]);
      const results = await session.run({ ...feedsOf(feeds), ...takenOf(state) }, wanted);
      const told = Object.fromEntries(fetch.map((name) => [name, hostOf(results[name] as Tensor)]));
      if (accept(told))
        for (const [input, output] of next) if (wanted[output] === null) tensors.set(input, results[output] as Tensor);
      return told;
    },
    dispose: () => session.release(),
  };
}

export interface OnnxruntimeExecutor extends Executor {
  /** In words, how convolutions are laid out in training: a slower way than usual must not go unsaid. */
  trainingLayout(): Promise<string>;
}

/**
 * The embedded engine: onnxruntime on the CPU. Graphs for training are put into the layout that its convolutions are fastest in,
 * unless `layout` says otherwise or this processor has none (see `blockOfChannels`). `run` and `compile` block the thread they
 * are called on (the promise is already settled when they return), so long work belongs into a process of its own.
 */
export function onnxruntimeExecutor(options: {
  readonly threads: number;
  readonly layout?: 'blocked' | 'standard';
}): OnnxruntimeExecutor {
  let found: Promise<number | null> | undefined;
  const block = (): Promise<number | null> => {
    found ??= options.layout === 'standard' ? Promise.resolve(null) : blockOfChannels();
    return found;
  };
  const laidOut = async (model: Model): Promise<Model> => {
    const size = await block();
    return size === null ? model : blockedLayout(model, size);
  };
  const session = (file: Uint8Array, o: CompileOptions = {}): Promise<InferenceSession> =>
    InferenceSession.create(file, sessionOptions(o.threads ?? options.threads, o.training ?? false));
  return {
    engine: { executor: 'onnxruntime', version: env.versions.node ?? env.versions.common, device: 'cpu' },
    native: false,
    load: async (file, o) => program(await session(file, o)),
    async compile(model, o) {
      const laid = o?.training ? await laidOut(model) : model;
      const lowered = lowerGradients(laid);
      return program(await session(Buffer.concat(encodeModel(lowered)), o), overwritable(lowered.graph));
    },
    dispose: async () => {},
    async trainingLayout() {
      const size = await block();
      return size === null
        ? 'convolutions in the standard layout, since this onnxruntime has no faster one on this processor'
        : `convolutions in blocks of ${size} channels`;
    },
  };
}

/** For `measureShapes`: runs a model on zeros and tells type and size of every output. */
export function shapeRunner(executor: Executor): ShapeRunner {
  return async (chunks, feeds) => {
    const compiled = await executor.load(Buffer.concat(chunks));
    try {
      const zeros = Object.fromEntries(
        [...feeds].map(([name, { dataType, dims }]) => [name, { dataType, dims, data: zeroData(dataType, dims) }]),
      );
      const results = await compiled.run(zeros, compiled.outputs);
      return new Map(Object.entries(results).map(([name, { dataType, dims }]) => [name, { dataType, dims }]));
    } finally {
      await compiled.dispose();
    }
  };
}

/** For `foldConstants`: runs a model without inputs. */
export function valueRunner(executor: Executor): ValueRunner {
  return async (chunks) => {
    const compiled = await executor.load(Buffer.concat(chunks));
    try {
      const results = await compiled.run({}, compiled.outputs);
      return new Map(
        Object.entries(results).map(([name, { dataType, dims, data }]): [string, ModelTensor] => {
          const bytes = new Uint8Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength));
          return [name, { name, dataType, dims, data: bytes }];
        }),
      );
    } finally {
      await compiled.dispose();
    }
  };
}

const ARRAYS: Partial<Record<DataType, (n: number) => TensorData>> = {
  float32: (n) => new Float32Array(n),
  float64: (n) => new Float64Array(n),
  float16: (n) => new Uint16Array(n),
  int64: (n) => new BigInt64Array(n),
  uint64: (n) => new BigUint64Array(n),
  int32: (n) => new Int32Array(n),
  uint32: (n) => new Uint32Array(n),
  int16: (n) => new Int16Array(n),
  uint16: (n) => new Uint16Array(n),
  int8: (n) => new Int8Array(n),
  uint8: (n) => new Uint8Array(n),
  bool: (n) => new Uint8Array(n),
};
function zeroData(dataType: DataType, dims: readonly number[]): TensorData {
  const make = ARRAYS[dataType];
  if (!make) throw new TypeError(`No array for tensors of type ${dataType}.`);
  return make(dims.reduce((n, d) => n * d, 1));
}

import { env, InferenceSession } from 'onnxruntime-node';
import {
  blockedLayout,
  encodeModel,
  lowerGradients,
  type Model,
  type Tensor as ModelTensor,
  overwritable,
  type ShapeRunner,
  type ValueRunner,
  withoutLastCopies,
} from '../../src/onnx/index.js';
import { zeroData } from './arrays.js';
import type { CompileOptions, Executor, Program } from './executor.js';
import { threadLanes } from './lanes.js';
import { blockOfChannels } from './onnxruntime-blocks.js';
import { disabled, FAULTS } from './onnxruntime-faults.js';
import { program } from './onnxruntime-program.js';
import { residentUpdate } from './onnxruntime-update.js';

/**
 * Makes a Gemm of a product and a bias, which copies the bias over its whole result on one thread before it begins: 1024 x 384 by
 * 384 x 1536 takes 7.9 ms so, on two cores, where the product takes 6.8 and an addition on both 0.3.
 */
const SLOW_IN_TRAINING = 'MatMulAddFusion';

/**
 * Spinning threads would burn the cores that decode the next batch, but a training step has over a thousand operators to
 * hand over. The planner's block and the arena pay where a pass is small and repeats; for a step of MobileNetV2 at batch 32
 * they took 4.7 GB where allocating as needed takes 2.6, at the same speed with an allocator that keeps what it has (see
 * `MALLOC` in training/child-process.ts). Texts have a graph for each length: the threads of the one must not go on spinning
 * while another runs. Moments of what gets no gradient any more shrink to denormal numbers and stay there, on which a step of the
 * optimizer takes twice as long; the first session of a process decides for its main thread, so it is the same for all.
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
    ...disabled(training ? [...FAULTS, SLOW_IN_TRAINING] : FAULTS),
    session: {
      intra_op: { allow_spinning: training ? '1' : '0' },
      force_spinning_stop: training ? '1' : '0',
      set_denormal_as_zero: '1',
    },
  },
});
/** Bytes of weights, over all sessions of one graph: each has its own copy. */
const MOST_LANE_BYTES = 256 * 2 ** 20;
const MOST_LANES = 8;
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
  const loweredFrom = (model: Model): Model => withoutLastCopies(lowerGradients(model));
  const compile = async (model: Model, o?: CompileOptions): Promise<Program> => {
    if (o?.precision === 'mixed') throw new RangeError('onnxruntime computes training steps in float32 only.');
    const lowered = loweredFrom(o?.training ? await laidOut(model) : model);
    return program(await session(Buffer.concat(encodeModel(lowered)), o), overwritable(lowered.graph));
  };
  return {
    engine: { executor: 'onnxruntime', version: env.versions.node ?? env.versions.common, device: 'cpu' },
    native: false,
    queued: false,
    load: async (file, o) => program(await session(file, o)),
    compile,
    compileLanes: (model) => {
      const file = Buffer.concat(encodeModel(loweredFrom(model)));
      const count = Math.max(1, Math.min(options.threads, MOST_LANES, Math.floor(MOST_LANE_BYTES / file.length)));
      const threads = Math.floor(options.threads / count);
      return threadLanes(file, { count, threads, options: sessionOptions(threads, false) });
    },
    compileUpdate: (model) => residentUpdate(model, (rest) => compile(rest, { training: true })),
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

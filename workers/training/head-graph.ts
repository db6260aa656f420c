import {
  adamW,
  differentiate,
  gradientName,
  graphBuilder,
  inputShapes,
  type Model,
  measureShapes,
  type StepState,
  softmaxCrossEntropy,
  tensor,
} from '../../src/onnx/index.js';
import type { Executor, Program } from '../executors/executor.js';
import { shapeRunner } from '../executors/onnxruntime.js';

/** Newest opset whose every operator here both engines know. */
const OPSET = 17;
/** Parameters of `configs` linear heads side by side: columns [config 0's classes, config 1's classes, ...]. */
const WEIGHT = 'head.weight';
const BIAS = 'head.bias';

export interface HeadShape {
  readonly features: number;
  readonly classes: number;
  /** How many heads are trained at once on the same examples, each with its own sample weights and penalty. */
  readonly configs: number;
}
export interface HeadGraph extends HeadShape {
  readonly model: Model;
  readonly state: StepState;
  /** Rows of one step; a graph is made for one batch size. */
  readonly batch: number;
}

/**
 * One step of training linear heads on features: inputs `features` [batch, D], `labels` [batch * configs] (each example's
 * label, once per head), `sample_weight` [batch * configs], and the optimizer's scalars; output `loss`, the weighted mean
 * cross-entropy. Minimised is the sum over heads of that mean plus penalty / 2 * |weights|^2: an L2 penalty inside the
 * loss has one optimum, whatever the steps that lead there. Heads do not meet, so all of cross-validation is one graph.
 */
export async function headGraph(
  executor: Executor,
  o: HeadShape & { readonly batch: number; readonly penalties: readonly number[]; readonly labelSmoothing: number },
): Promise<HeadGraph> {
  const { features, classes, configs, batch } = o;
  const columns = classes * configs;
  const b = graphBuilder({ opset: OPSET, name: 'head-training' });
  const x = b.input('features', 'float32', [batch, features]);
  const labels = b.input('labels', 'int64', [batch * configs]);
  const weight = b.input('sample_weight', 'float32', [batch * configs]);
  const w = b.input(WEIGHT, 'float32', [features, columns]);
  const bias = b.input(BIAS, 'float32', [columns]);
  const wide = b.op('Gemm', [x, w, bias]);
  const rows = b.constant(tensor('', 'int64', [2], [batch * configs, classes]));
  const logits = configs === 1 ? wide : b.op('Reshape', [wide, rows]);
  const { labelSmoothing } = o;
  softmaxCrossEntropy(b, logits, labels, { classes, labelSmoothing, sampleWeight: weight, name: 'loss' });
  // The weighted mean runs over all heads' examples: times `configs` it is the sum of their means.
  const data = b.op('Mul', ['loss', b.constant(tensor('', 'float32', [], configs))]);
  const penalty = Float32Array.from({ length: columns }, (_, i) => (o.penalties[Math.floor(i / classes)] ?? 0) / 2);
  const squares = b.op('Mul', [b.op('Mul', [w, w]), b.constant(tensor('', 'float32', [1, columns], penalty))]);
  const axes = b.constant(tensor('', 'int64', [2], [0, 1]));
  const total = b.op(
    'Add',
    [data, b.op('ReduceSum', [squares, axes], { keepdims: 0 })],
    {},
    { outputs: ['objective'] },
  );
  b.output('loss', 'float32', []);
  b.output(total, 'float32', []);
  const forward = b.model();
  const shapes = await measureShapes(forward, inputShapes(forward, { batch }), shapeRunner(executor));
  const trained = [
    { name: w, gradient: gradientName(w), dims: [features, columns] },
    { name: bias, gradient: gradientName(bias), dims: [columns] },
  ];
  const step = graphBuilder({ from: differentiate(forward, total, [w, bias], shapes), keepOutputs: ['loss'] });
  const state = adamW(step, trained);
  return { features, classes, configs, batch, model: step.model(), state };
}

/** Logits of the heads: `features` [n, D], weights and biases in, `logits` [n, classes * configs] out. */
export function forwardGraph(o: HeadShape): Model {
  const columns = o.classes * o.configs;
  const b = graphBuilder({ opset: OPSET, name: 'head-forward' });
  const x = b.input('features', 'float32', ['N', o.features]);
  const w = b.input(WEIGHT, 'float32', [o.features, columns]);
  const bias = b.input(BIAS, 'float32', [columns]);
  b.output(b.op('Gemm', [x, w, bias], {}, { outputs: ['logits'] }), 'float32', ['N', columns]);
  return b.model();
}

export interface HeadTrainer {
  /** One optimizer step; answers the loss. Steps are counted from 1. */
  step(batch: HeadBatch, learningRate: number): Promise<number>;
  parameters(): Promise<{ weight: Float32Array; bias: Float32Array }>;
  /** Row-major [n, classes * configs]. */
  logits(features: Float32Array): Promise<Float32Array>;
  dispose(): Promise<void>;
}
export interface HeadBatch {
  /** [batch, D] */
  readonly features: Float32Array;
  readonly labels: BigInt64Array;
  readonly sampleWeight: Float32Array;
}

const scalar = (value: number) => ({ dataType: 'float32' as const, dims: [], data: Float32Array.of(value) });

/** Compiles the graph and keeps its state in the engine; weights and moments start at zeros, so there is nothing to draw. */
export async function headTrainer(executor: Executor, graph: HeadGraph): Promise<HeadTrainer> {
  const train = await executor.compile(graph.model);
  let forward: Program | null = null;
  const state = train.state(
    [...graph.state.parameters, ...graph.state.moments].map(({ input, output, dims }) => ({
      input,
      output,
      initial: { dataType: 'float32', dims, data: new Float32Array(dims.reduce((n, d) => n * d, 1)) },
    })),
  );
  const read = async (name: string) => (await state.read(name)).data as Float32Array;
  let steps = 0;
  return {
    async step(batch, learningRate) {
      steps++;
      const rows = [graph.batch * graph.configs];
      const { loss } = await train.step(
        state,
        {
          features: { dataType: 'float32', dims: [graph.batch, graph.features], data: batch.features },
          labels: { dataType: 'int64', dims: rows, data: batch.labels },
          sample_weight: { dataType: 'float32', dims: rows, data: batch.sampleWeight },
          learning_rate: scalar(learningRate),
          bias_correction1: scalar(1 - 0.9 ** steps),
          bias_correction2: scalar(1 - 0.999 ** steps),
        },
        ['loss'],
      );
      return (loss!.data as Float32Array)[0]!;
    },
    parameters: async () => ({ weight: await read(WEIGHT), bias: await read(BIAS) }),
    async logits(features) {
      forward ??= await executor.compile(forwardGraph(graph));
      const { logits } = await forward.run(
        {
          features: { dataType: 'float32', dims: [features.length / graph.features, graph.features], data: features },
          [WEIGHT]: await state.read(WEIGHT),
          [BIAS]: await state.read(BIAS),
        },
        ['logits'],
      );
      return logits!.data as Float32Array;
    },
    async dispose() {
      state.dispose();
      await train.dispose();
      await forward?.dispose();
    },
  };
}

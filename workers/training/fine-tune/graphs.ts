import {
  adamW,
  clipByGlobalNorm,
  differentiate,
  FROZEN,
  foldConstants,
  type GraphBuilder,
  gradientName,
  graft,
  graphBuilder,
  initializersAsInputs,
  linearHead,
  liveBatchNorm,
  lowerLive,
  type Model,
  measureShapesFor,
  names,
  type Pack,
  packed,
  packsOf,
  type Shapes,
  type Statistic,
  type StepState,
  sgd,
  softTargetCrossEntropy,
  splitFrozen,
  type Tensor,
  type Trained,
  tensor,
  withPacks,
} from '../../../src/onnx/index.js';
import { PIXELS } from '../../../src/tasks/image-classification/pixel-input.js';
import type { Executor } from '../../executors/executor.js';
import { shapeRunner, valueRunner } from '../../executors/onnxruntime.js';

export const TARGETS = 'targets';

export interface TuneRequest {
  /** uint8 pixels in, features out: `pixelTrunk`. */
  readonly trunk: Model;
  readonly classes: number;
  /** The head to begin with, on raw features: weight [classes, features], bias [classes]. */
  readonly head: { readonly weight: Float32Array; readonly bias: Float32Array };
  /** Names of the trunk's tensors to train, and by how much their learning rate differs from the given one. */
  readonly parameters: readonly { readonly name: string; readonly rate: number }[];
  readonly batch: number;
  readonly liveStatistics: boolean;
  readonly optimizer: 'adamw' | 'sgd';
  readonly weightDecay: number;
  readonly clip: number | null;
  /** Whether what lies below the first trained layer is to run once per example. */
  readonly keepFrozen: boolean;
}
export interface TuneGraphs {
  /** pixels -> one row per example of what the trained part reads; null where everything is run in every step. */
  readonly below: { readonly model: Model; readonly width: number } | null;
  /** Name and size of one batch of the trained part's input. */
  readonly input: { readonly name: string; readonly dims: readonly number[] };
  readonly train: Model;
  /** The same network for measuring: input, packs and statistics -> `logits`. */
  readonly measure: Model;
  /** Names of the head's weight and bias among the trained tensors. */
  readonly head: HeadNames;
  readonly packs: readonly Pack[];
  readonly step: StepState;
  readonly statistics: readonly Statistic[];
  /** Values to begin with of packs and statistics, by input. */
  readonly initial: ReadonlyMap<string, Float32Array>;
  /** Bytes of memory that a step takes, estimated. */
  readonly memory: number;
}

/** The graphs of a fine-tuning run, for one batch size. Throws `OnnxError`s naming what cannot be trained. */
export async function tuneGraphs(executor: Executor, o: TuneRequest): Promise<TuneGraphs> {
  const head = headNames(o.trunk);
  const unfolded = withHead(o, head);
  const runner = shapeRunner(executor);
  const trained = [...head, ...o.parameters.map((p) => p.name)];
  const size = (model: Model): Promise<Shapes> => measureShapesFor(model, { batch: o.batch }, runner);
  const wholeShapes = await size(unfolded);
  const whole = await foldConstants(unfolded, { shapes: wholeShapes, parameters: trained, run: valueRunner(executor) });
  const split = o.keepFrozen ? splitFrozen(whole, trained, wholeShapes) : null;
  const network = split?.above ?? whole;
  const sizes = split === null ? wholeShapes : await size(network);
  const live = o.liveStatistics ? liveBatchNorm(network, sizes) : { model: network, statistics: [] };
  const forward = withLoss(live.model, o.classes);
  const shapes = await size(lowerLive(forward, sizes));
  const fed = [...trained, ...live.statistics.map((s) => s.input)];
  const backward = lowerLive(differentiate(initializersAsInputs(forward, fed), 'loss', trained, shapes), shapes);
  const packs = packsOf(trained.map((name) => ({ name, dims: network.graph.initializers.get(name)?.dims ?? [] })));
  const { model: train, step } = withStep(backward, packs, live.statistics, o);
  const initial = new Map<string, Float32Array>(packs.map((p) => [p.name, packed(p, network.graph.initializers)]));
  for (const s of live.statistics) initial.set(s.input, packed(alone(s), network.graph.initializers));
  const measure = withPacks(network, packs);
  const input = network.graph.inputs[0]!;
  return {
    below: split === null ? null : { model: split.below, width: split.width },
    input: { name: split === null ? PIXELS : FROZEN, dims: wholeShapesOf(input.name, shapes) },
    train,
    measure: initializersAsInputs(
      measure,
      live.statistics.map((s) => s.input),
    ),
    head,
    packs,
    step,
    statistics: live.statistics,
    initial,
    memory: estimate(shapes, forward, packs),
  };
}

const wholeShapesOf = (name: string, shapes: Shapes): readonly number[] => shapes.get(name)?.dims ?? [];
const alone = (s: Statistic): Pack => {
  const size = s.dims.reduce((n, d) => n * d, 1);
  return { name: s.input, size, tensors: [{ name: s.input, dims: s.dims, offset: 0, size }] };
};

type HeadNames = readonly [weight: string, bias: string];

/** A base that was made from a model, cut above its classifier, has tensors of the usual names already. */
function headNames({ graph }: Model): HeadNames {
  const taken = names(graph);
  const free = (name: string): string => (taken.has(name) ? free(`${name}'`) : name);
  return [free('head.weight'), free('head.bias')];
}

function withHead(o: TuneRequest, parameterNames: HeadNames): Model {
  const features = o.head.weight.length / o.classes;
  const opset = Math.max(13, o.trunk.opsets.get('') ?? 13);
  const head = linearHead({ features, classes: o.classes, opset, parameterNames, ...o.head });
  return graft(o.trunk, head, { from: o.trunk.graph.outputs[0]!.name, to: 'features' });
}

function withLoss(network: Model, classes: number): Model {
  const b = graphBuilder({ from: network, prefix: 'loss/' });
  const targets = b.input(TARGETS, 'float32', ['N', classes]);
  b.output(softTargetCrossEntropy(b, 'logits', targets), 'float32', []);
  return b.model();
}

/** Gradients gathered into packs, clipped, and the optimizer's step. */
function withStep(
  backward: Model,
  packs: readonly Pack[],
  statistics: readonly Statistic[],
  o: TuneRequest,
): { model: Model; step: StepState } {
  const b = graphBuilder({
    from: withPacks(backward, packs),
    prefix: 'step/',
    keepOutputs: ['loss', ...statistics.map((s) => s.output)],
  });
  const flat = (name: string): string =>
    b.op('Reshape', [gradientName(name), b.constant(tensor('', 'int64', [1], [-1]))]);
  const gathered = packs.map((p) =>
    p.tensors.length === 1
      ? flat(p.tensors[0]!.name)
      : b.op(
          'Concat',
          p.tensors.map((t) => flat(t.name)),
          { axis: 0 },
        ),
  );
  const { gradients } = clipByGlobalNorm(b, gathered, o.clip);
  const trained = packs.map((pack, i) => ({
    name: pack.name,
    gradient: gradients[i]!,
    dims: [pack.size],
    ...shares(b, pack, o),
  }));
  const settings = { weightDecay: o.weightDecay };
  const step = o.optimizer === 'sgd' ? sgd(b, trained, { ...settings, momentum: 0.9 }) : adamW(b, trained, settings);
  return { model: b.model(), step };
}

/** Rates and decay of a pack's elements: a vector only where they differ. Biases and norms (one axis) do not decay. */
function shares(b: GraphBuilder, pack: Pack, o: TuneRequest): Pick<Trained, 'decay' | 'rate'> {
  const rates = new Map(o.parameters.map((p) => [p.name, p.rate]));
  const spread = (of: (t: Pack['tensors'][number]) => number): number | string => {
    const values = pack.tensors.map(of);
    if (values.every((v) => v === values[0])) return values[0]!;
    const data = new Float32Array(pack.size);
    for (const [i, t] of pack.tensors.entries()) data.fill(values[i]!, t.offset, t.offset + t.size);
    const bytes = new Uint8Array(data.buffer);
    return b.constant({ name: '', dataType: 'float32', dims: [pack.size], data: bytes } satisfies Tensor);
  };
  const decay = spread((t) => (t.dims.length > 1 ? 1 : 0));
  const rate = spread((t) => rates.get(t.name) ?? 1);
  return {
    decay: typeof decay === 'string' ? decay : decay === 1,
    ...(rate === 1 ? {} : { rate: typeof rate === 'string' ? rate : b.constant(tensor('', 'float32', [], rate)) }),
  };
}

/** What a process takes that has loaded the engine and the graphs, before the first step. */
const PROCESS_BYTES = 256 * 1024 * 1024;

/**
 * Bytes at the peak of a step: the forward pass's tensors are kept for the way back, the largest of them is there a few
 * times over while its gradient is made, and every parameter has a gradient, two moments and a next value.
 */
function estimate(shapes: Shapes, forward: Model, packs: readonly Pack[]): number {
  const bytes = (name: string): number => {
    const s = shapes.get(name);
    return s === undefined ? 0 : 4 * s.dims.reduce((n, d) => n * d, 1);
  };
  const made = forward.graph.nodes.flatMap((n) => n.outputs).map(bytes);
  const parameters = 4 * packs.reduce((n, p) => n + p.size, 0);
  return PROCESS_BYTES + made.reduce((a, x) => a + x, 0) + 3 * Math.max(0, ...made) + 8 * parameters;
}

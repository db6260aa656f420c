import { collectNativeGarbage } from '../../../src/collect-garbage.js';
import type { Precision, TextInput } from '../../../src/domain/types.js';
import { GraftError } from '../../../src/errors.js';
import {
  changedOperators,
  differentiate,
  fuseGelu,
  gradientName,
  graft,
  graphBuilder,
  initializersAsInputs,
  inputShapes,
  kernelOrders,
  linearHead,
  liveBatchNorm,
  liveShapes,
  lowerGelu,
  lowerLive,
  type Model,
  measureRest,
  measureShapesFor,
  names,
  nativeRules,
  type Pack,
  packed,
  packsOf,
  type ShapeRunner,
  type Shapes,
  type Statistic,
  settled,
  simplified,
  softTargetCrossEntropy,
  splitFrozen,
  standardRules,
  stated,
  withPacks,
} from '../../../src/onnx/index.js';
import type { Executor, HostTensor } from '../../executors/executor.js';
import { shapeRunner, valueRunner } from '../../executors/onnxruntime.js';
import type { Watched } from './culprit.js';
import { type Dropout, withDropout } from './dropout.js';
import { guardedStep } from './guarded-step.js';
import { type Memory, stepMemory } from './memory.js';
import { type PassInput, plainInput, tokenInput } from './pass-input.js';
import { type StepGraphs, type StepRequest, stepGraphs } from './step.js';

export const TARGETS = 'targets';

export interface TuneRequest extends StepRequest {
  /** What examples are read as in, features out: `pixelTrunk`, `textTrunk`. */
  readonly trunk: Model;
  /** Of a trunk that reads texts: how, and the tokens that every text of a pass is padded to. */
  readonly tokens?: { readonly text: TextInput; readonly length: number } | null;
  /** null: the head sees all features. */
  readonly dropout?: Dropout | null;
  readonly classes: number;
  /** The head to begin with, on raw features: weight [classes, features], bias [classes]. */
  readonly head: { readonly weight: Float32Array; readonly bias: Float32Array };
  /** Examples of one pass. */
  readonly batch: number;
  readonly liveStatistics: boolean;
  /** Whether what lies below the first trained layer is to run once per example. */
  readonly keepFrozen: boolean;
}
export interface TuneGraphs {
  /** inputs -> one row per example of what the trained part reads; null where everything is run in every step. */
  readonly below: { readonly model: Model; readonly width: number } | null;
  /** What one pass takes in. */
  readonly input: PassInput;
  /** Numbers of an example's dropout mask. */
  readonly maskNumbers: number;
  readonly dropout: (Dropout & { readonly features: number }) | null;
  /** What a training pass computes in; measuring is in float32. Left out: float32. */
  readonly precision?: Precision;
  readonly step: StepGraphs;
  /** The same network for measuring: input, packs and statistics -> `logits`. */
  readonly measure: Model;
  /** Names of the head's weight and bias among the trained tensors. */
  readonly head: HeadNames;
  readonly packs: readonly Pack[];
  readonly statistics: readonly Statistic[];
  /** Values to begin with of packs and statistics, by input, in an array of their own; null of anything else. */
  readonly initial: (name: string) => Float32Array | null;
  /** Where to look for the first tensor that is not finite. */
  readonly watched: Watched;
  /** Bytes that training takes, estimated, but for pictures. */
  readonly memory: Memory;
}

/**
 * The graphs of a fine-tuning run on `executor`, for one batch size and one length of texts; `measuring` runs them for their
 * sizes. Throws `OnnxError`s naming what cannot be trained.
 */
export async function tuneGraphs(executor: Executor, o: TuneRequest, measuring = executor): Promise<TuneGraphs> {
  const head = headNames(o.trunk);
  const unfolded = withHead(o, head);
  const runner = leavingNothing(shapeRunner(measuring));
  const trained = [...head, ...o.parameters.map((p) => p.name)];
  const found = await settled(unfolded, {
    parameters: trained,
    size: (model) => forBatch(o.batch, () => measureShapesFor(model, sizesOf(o), runner)),
    run: valueRunner(measuring),
  });
  const wholeShapes = found.shapes;
  const whole = simplified(found.model, { shapes: wholeShapes, parameters: trained });
  const split = o.keepFrozen ? splitFrozen(whole, trained, wholeShapes, found.unfolded) : null;
  const network = split?.above ?? whole;
  const live = o.liveStatistics ? liveBatchNorm(network, wholeShapes) : { model: network, statistics: [] };
  const features = o.head.weight.length / o.classes;
  const dropped = o.dropout ? withDropout(live.model, features, o.dropout, wholeShapes) : null;
  const forward = withLoss(dropped?.model ?? live.model, o.classes);
  // Folded, it runs at no other size than its own, and most of it has been measured.
  const known = new Map([...wholeShapes, ...inputShapes(forward, sizesOf(o)), ...liveShapes(forward)]);
  const shapes = await measureRest(forward, known, runner);
  const fed = [...trained, ...live.statistics.map((s) => s.input)];
  const rules = executor.native ? nativeRules() : standardRules();
  const fused = fuseGelu(forward, shapes);
  const native = differentiate(initializersAsInputs(fused.model, fed), 'loss', trained, fused.shapes, rules);
  const backward = lowerGelu(executor.native ? native : lowerLive(native, shapes));
  const orders = executor.native ? kernelOrders(network) : new Map<string, readonly number[]>();
  const packs = packsOf(
    trained.map((name) => {
      const dims = network.graph.initializers.get(name)?.dims ?? [];
      const order = orders.get(name);
      return { name, dims, ...(order && { order }) };
    }),
  );
  const made = stepGraphs(backward, packs, live.statistics, o);
  const step = executor.queued ? guardedStep(made, live.statistics) : made;
  const tensors = network.graph.initializers;
  const sources = new Map([...packs, ...live.statistics.map(alone)].map((pack) => [pack.name, pack]));
  const measure = withPacks(network, packs);
  return {
    below: split === null ? null : { model: split.below, width: split.width },
    input: passInput(network, shapes, o),
    maskNumbers: dropped?.numbers ?? 0,
    dropout: o.dropout ? { ...o.dropout, features } : null,
    step: { ...step, pass: stated(step.pass, shapes, [...trained, ...outputsOf(forward)]) },
    measure: stated(
      initializersAsInputs(
        measure,
        live.statistics.map((s) => s.input),
      ),
      shapes,
      [...trained, ...outputsOf(network)],
    ),
    head,
    packs,
    statistics: live.statistics,
    initial: (name) => {
      const pack = sources.get(name);
      return pack === undefined ? null : packed(pack, tensors);
    },
    watched: {
      forward: [
        ...trained,
        ...backward.graph.nodes.flatMap((n) => n.outputs).filter((name) => shapes.get(name)?.dataType === 'float32'),
      ],
      gradients: trained.map(gradientName).reverse(),
    },
    memory: stepMemory(shapes, forward, packs, live.statistics, { ...o, engine: executor.engine.executor }),
  };
}

/** The file that was run and its outputs, several times the network, would stay in memory through the training that follows. */
const leavingNothing =
  (run: ShapeRunner): ShapeRunner =>
  async (...given) => {
    try {
      return await run(...given);
    } finally {
      await collectNativeGarbage();
    }
  };

const outputsOf = (model: Model): readonly string[] => model.graph.nodes.flatMap((node) => node.outputs);

/** A file that was exported for one example may have it written where it cannot be found and freed. */
async function forBatch(batch: number, measured: () => Promise<Shapes>): Promise<Shapes> {
  let reason = '';
  const shapes = await measured().catch((error: unknown) => {
    reason = ` (${error instanceof Error ? error.message.slice(0, 300) : String(error)})`;
    return null;
  });
  if (shapes?.get('logits')?.dims[0] === batch) return shapes;
  throw new GraftError(
    'job-impossible',
    `The base cannot be run with ${batch} examples at a time, so its layers cannot be trained${reason}. Export it with a dynamic batch axis, or use featureExtraction.`,
  );
}

const sizesOf = ({ batch, tokens }: TuneRequest) => (tokens ? { batch, length: tokens.length } : { batch });

function passInput({ graph }: Model, shapes: Shapes, { batch, tokens }: TuneRequest): PassInput {
  if (tokens) return tokenInput(graph.inputs, tokens.text, [batch, tokens.length]);
  const { name, dataType } = graph.inputs[0]!;
  return plainInput(name, dataType as HostTensor['dataType'], shapes.get(name)?.dims ?? []);
}

const alone = (s: Statistic): Pack => {
  const size = s.dims.reduce((n, d) => n * d, 1);
  return { name: s.input, size, dims: s.dims, tensors: [{ name: s.input, dims: s.dims, offset: 0, size }] };
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
  // Newer versions have more to write gradients with; a trunk whose operators have changed since stays in its own.
  const own = o.trunk.opsets.get('') ?? 13;
  const opset = own < 13 && changedOperators(o.trunk.graph.nodes, own, 13).length === 0 ? 13 : own;
  const head = linearHead({ features, classes: o.classes, opset, parameterNames, ...o.head });
  return graft(o.trunk, head, { from: o.trunk.graph.outputs[0]!.name, to: 'features' });
}

function withLoss(network: Model, classes: number): Model {
  const b = graphBuilder({ from: network, prefix: 'loss/' });
  const targets = b.input(TARGETS, 'float32', ['N', classes]);
  b.output(softTargetCrossEntropy(b, 'logits', targets), 'float32', []);
  return b.model();
}

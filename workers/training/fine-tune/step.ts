import {
  adamW,
  clippedTo,
  elements,
  GRADIENT_NORM,
  type GraphBuilder,
  globalNorm,
  gradientName,
  graphBuilder,
  type Model,
  movingAverage,
  type Pack,
  type Packed,
  type StateEntry,
  type Statistic,
  sgd,
  type Tensor,
  type Trained,
  tensor,
  withPacks,
} from '../../../src/onnx/index.js';

/** Inputs that are fed at each step. */
export const OPEN_LAYERS = 'open_layers';
export const AVERAGE_DECAY = 'average_decay';

export interface StepRequest {
  /** Names of the trunk's tensors to train, by how much their learning rate differs, and how far below the head they lie. */
  readonly parameters: readonly { readonly name: string; readonly rate: number; readonly depth: number }[];
  readonly optimizer: 'adamw' | 'sgd';
  readonly weightDecay: number;
  readonly clip: number | null;
  /** Gradients of several passes are added up before a step is made of them. */
  readonly accumulates: boolean;
  /** Layers come in one after the other: the input `open_layers` says how many. */
  readonly unfreezes: boolean;
  /** A moving average of all weights and running statistics is kept. */
  readonly averages: boolean;
}
export interface StepGraphs {
  /** One pass: the loss, the gradients, added to those of earlier passes where a step is made of several, and their joint norm. */
  readonly pass: Model;
  /** Makes a step of the gradients and their norm, once everything else that a pass has made is gone. */
  readonly apply: Model;
  /** Brings the averages up to date after a step; null where none are kept. */
  readonly average: Model | null;
  /** The packs. */
  readonly parameters: readonly StateEntry[];
  readonly moments: readonly StateEntry[];
  readonly sums: readonly StateEntry[];
  readonly averages: readonly StateEntry[];
  /** Scalars to feed where the step is made. */
  readonly scalars: readonly string[];
  /** What a step that is not finite is told by, see `guardedStep`; [] where each step is read before the next is made. */
  readonly guards: readonly StateEntry[];
}

export const averageName = (name: string): string => `average(${name})`;
const sumName = (pack: string): string => `sum(${pack})`;

/**
 * The step of a training run in two graphs, its gradients by pack. The second reads nothing but parameters, moments and
 * gradients, so their next values can take the places of the last ones, and are made only once loss and norm are known to be finite.
 */
export function stepGraphs(
  backward: Model,
  packs: readonly Pack[],
  statistics: readonly Statistic[],
  o: StepRequest,
): StepGraphs {
  const pass = graphBuilder({
    from: withPacks(backward, packs),
    prefix: 'step/',
    keepOutputs: ['loss', ...statistics.map((s) => s.output)],
  });
  const { opset } = pass;
  const changed = [...packs.map((p) => ({ name: p.name, dims: p.dims })), ...statistics.map(named)];
  const averages = o.averages ? averaging(opset, changed) : { model: null, entries: [] };
  const apply = graphBuilder({ opset, prefix: 'step/' });
  for (const pack of packs) apply.input(pack.name, 'float32', pack.dims);
  const sums = packs.map((pack): StateEntry => {
    const { dims } = pack;
    const input = apply.input(sumName(pack.name), 'float32', dims);
    const outputs = [`next(${input})`];
    if (o.accumulates) {
      const before = pass.input(input, 'float32', dims);
      pass.op('Add', [before, gathering(pass, pack)], {}, { outputs });
      const size = apply.constant(tensor('', 'int64', [dims.length], dims));
      apply.output(apply.op('ConstantOfShape', [size], {}, { outputs }), 'float32', dims);
    } else pass.op('Identity', [gathering(pass, pack)], {}, { outputs });
    return { input, output: pass.output(outputs[0]!, 'float32', dims), dims };
  });
  globalNorm(
    pass,
    sums.map((s) => s.output),
  );
  const made = optimizerStep(
    apply,
    packs,
    sums.map((s) => s.input),
    o,
  );
  return {
    ...made,
    average: averages.model,
    averages: averages.entries,
    pass: pass.model(),
    apply: apply.model(),
    sums,
    guards: [],
  };
}

const named = ({ input, dims }: Statistic) => ({ name: input, dims });

/** The gradients of a pack's tensors, one behind the other. */
function gathering(b: GraphBuilder, pack: Pack): string {
  const gradient = ({ name, order }: Packed): string =>
    order ? b.op('Transpose', [gradientName(name)], { perm: [...order] }) : gradientName(name);
  const [first] = pack.tensors;
  if (pack.tensors.length === 1 && first!.dims.length === pack.dims.length) return gradient(first!);
  const flat = (t: Packed): string => b.op('Reshape', [gradient(t), b.constant(tensor('', 'int64', [1], [-1]))]);
  return b.op('Concat', pack.tensors.map(flat), { axis: 0 });
}

function optimizerStep(
  b: GraphBuilder,
  packs: readonly Pack[],
  sums: readonly string[],
  o: StepRequest,
): Pick<StepGraphs, 'parameters' | 'moments' | 'scalars'> {
  const clipped = clippedTo(b, b.input(GRADIENT_NORM, 'float32', []), o.clip);
  const open = o.unfreezes ? b.input(OPEN_LAYERS, 'float32', []) : null;
  const trained = packs.map((pack, i) => ({
    name: pack.name,
    gradient: sums[i]!,
    ...clipped,
    dims: pack.dims,
    ...shares(b, pack, o, open),
  }));
  const settings = { weightDecay: o.weightDecay };
  const step = o.optimizer === 'sgd' ? sgd(b, trained, { ...settings, momentum: 0.9 }) : adamW(b, trained, settings);
  return { ...step, scalars: [...step.scalars, ...(open === null ? [] : [open])] };
}

/**
 * Rates and decay of a pack's elements: a vector only where they differ. Biases and norms (one axis) do not decay. What is
 * deeper than the layers that are open has a rate of 0: its moments follow the gradient, its values wait.
 */
function shares(b: GraphBuilder, pack: Pack, o: StepRequest, open: string | null): Pick<Trained, 'decay' | 'rate'> {
  const own = new Map(o.parameters.map((p) => [p.name, p]));
  const spread = (of: (t: Pack['tensors'][number]) => number): number | string => {
    const values = pack.tensors.map(of);
    if (values.every((v) => v === values[0])) return values[0]!;
    const data = new Float32Array(pack.size);
    for (const [i, t] of pack.tensors.entries()) data.fill(values[i]!, t.offset, t.offset + t.size);
    const bytes = new Uint8Array(data.buffer);
    return b.constant({ name: '', dataType: 'float32', dims: pack.dims, data: bytes } satisfies Tensor);
  };
  const tensorOf = (x: number | string): string =>
    typeof x === 'string' ? x : b.constant(tensor('', 'float32', [], x));
  const decay = spread((t) => (t.dims.length > 1 ? 1 : 0));
  const rate = spread((t) => own.get(t.name)?.rate ?? 1);
  // The head, which is no parameter of the trunk, is always open.
  const depth = open === null ? -1 : spread((t) => own.get(t.name)?.depth ?? -1);
  const factors = rate === 1 ? [] : [tensorOf(rate)];
  if (open !== null && depth !== -1) {
    const within = b.op('Less', [tensorOf(depth), open]);
    factors.push(b.op('Cast', [within], { to: 1 }));
  }
  return {
    decay: typeof decay === 'string' ? decay : decay === 1,
    ...(factors.length > 0 && { rate: factors.reduce((x, y) => b.op('Mul', [x, y])) }),
  };
}

function averaging(
  opset: number,
  changed: readonly { readonly name: string; readonly dims: readonly number[] }[],
): { readonly model: Model; readonly entries: readonly StateEntry[] } {
  const b = graphBuilder({ opset, name: 'average', prefix: 'average/' });
  const decay = b.input(AVERAGE_DECAY, 'float32', []);
  const entries = changed.map(({ name, dims }): StateEntry => {
    const [value, average] = [b.input(name, 'float32', dims), b.input(averageName(name), 'float32', dims)];
    const output = movingAverage(b, average, value, decay, `next(${average})`);
    return { input: average, output: b.output(output, 'float32', dims), dims, of: name };
  });
  return { model: b.model(), entries };
}

/** Float numbers in entries of a state. */
export const sizeOf = (entries: readonly StateEntry[]): number => entries.reduce((n, e) => n + elements(e.dims), 0);

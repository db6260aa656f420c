import type { GraphBuilder } from './builder.js';
import { constant } from './emit.js';
import type { DataType } from './types.js';

/** A parameter that a step changes: a float input of the graph, and its gradient's tensor. */
export interface Trained {
  readonly name: string;
  readonly gradient: string;
  readonly dims: readonly number[];
  /** false: weight decay leaves it alone (biases, normalisation); a tensor's name: element by element, times it. Default true. */
  readonly decay?: boolean | string;
  /** Name of a tensor that the learning rate is multiplied with, element by element (discriminative rates). */
  readonly rate?: string;
  /** Name of a scalar that the gradient is to be multiplied with first (clipping). */
  readonly scale?: string;
}
/** A tensor that changes from step to step: `output` is to be fed as `input` of the next one. */
export interface StateEntry {
  readonly input: string;
  readonly output: string;
  readonly dims: readonly number[];
  /** The parameter of which it has a number for each of its own; it is one itself, or stands alone, where left out. */
  readonly of?: string;
}
/** What a step adds to the graph. */
export interface StepState {
  readonly parameters: readonly StateEntry[];
  /** Start at zeros. */
  readonly moments: readonly StateEntry[];
  /** Scalar float32 inputs to feed at each step. */
  readonly scalars: readonly string[];
}

export const GRADIENT_NORM = 'gradient_norm';
export const nextName = (parameter: string): string => `next(${parameter})`;

export interface AdamW {
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
  /** Decoupled (Loshchilov and Hutter 2017, arXiv 1711.05101): each step takes learningRate * weightDecay of the parameter away. */
  readonly weightDecay?: number;
}

/**
 * One step of Adam with decoupled weight decay. Scalar inputs: `learning_rate`, `bias_correction1` and `bias_correction2`,
 * which are 1 - beta1^t and 1 - beta2^t at step t from 1. Moments are `m(<parameter>)` and `v(<parameter>)`.
 */
export function adamW(b: GraphBuilder, trained: readonly Trained[], o: AdamW = {}): StepState {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0 } = o;
  const c = (value: number): string => constant(b, 'float32', value);
  const mul = (x: string, y: string): string => b.op('Mul', [x, y]);
  const rate = b.input('learning_rate', 'float32', []);
  const correction1 = b.input('bias_correction1', 'float32', []);
  const correction2 = b.input('bias_correction2', 'float32', []);
  // What is the same for all elements is put together first: each pass over a parameter costs as much as the memory it moves.
  const root = b.op('Sqrt', [correction2]);
  const smallest = mul(root, c(epsilon));
  const corrected = b.op('Div', [root, correction1]);
  const parameters: StateEntry[] = [];
  const moments: StateEntry[] = [];
  for (const p of trained) {
    const own = ownRate(b, p, rate);
    const [share1, share2] = shares(b, p, beta1, beta2);
    const m = state(b, 'm', p, moments, (old) => [mul(old, c(beta1)), mul(p.gradient, share1)]);
    const v = state(b, 'v', p, moments, (old) => [mul(old, c(beta2)), mul(mul(p.gradient, p.gradient), share2)]);
    const size = b.op('Add', [b.op('Sqrt', [v]), smallest]);
    const step = mul(mul(own, corrected), b.op('Div', [m, size]));
    parameters.push(next(b, p, decayed(b, p, own, weightDecay), step));
  }
  return { parameters, moments, scalars: [rate, correction1, correction2] };
}

export interface Sgd {
  /** Default 0: no moments. */
  readonly momentum?: number;
  readonly nesterov?: boolean;
  readonly weightDecay?: number;
}

/** One step of gradient descent, PyTorch's momentum (v = momentum * v + g), weight decay decoupled. Scalar input: `learning_rate`. */
export function sgd(b: GraphBuilder, trained: readonly Trained[], o: Sgd = {}): StepState {
  const { momentum = 0, nesterov = false, weightDecay = 0 } = o;
  const c = (value: number): string => constant(b, 'float32', value);
  const rate = b.input('learning_rate', 'float32', []);
  const parameters: StateEntry[] = [];
  const moments: StateEntry[] = [];
  for (const p of trained) {
    let direction = p.scale === undefined ? p.gradient : b.op('Mul', [p.gradient, p.scale]);
    if (momentum > 0) {
      const v = state(b, 'v', p, moments, (old) => [b.op('Mul', [old, c(momentum)]), direction]);
      direction = nesterov ? b.op('Add', [direction, b.op('Mul', [v, c(momentum)])]) : v;
    }
    const own = ownRate(b, p, rate);
    parameters.push(next(b, p, decayed(b, p, own, weightDecay), b.op('Mul', [own, direction])));
  }
  return { parameters, moments, scalars: [rate] };
}

const ownRate = (b: GraphBuilder, p: Trained, rate: string): string =>
  p.rate === undefined ? rate : b.op('Mul', [rate, p.rate]);

/** The parameter less its decay: p (1 - rate * weightDecay). */
function decayed(b: GraphBuilder, p: Trained, rate: string, weightDecay: number): string {
  if (weightDecay === 0 || p.decay === false) return p.name;
  let lost = b.op('Mul', [rate, constant(b, FLOAT, weightDecay)]);
  if (typeof p.decay === 'string') lost = b.op('Mul', [lost, p.decay]);
  return b.op('Mul', [p.name, b.op('Sub', [constant(b, FLOAT, 1), lost])]);
}

/** The joint Euclidean norm of all gradients, the scalar output `gradient_norm`. */
export function globalNorm(b: GraphBuilder, gradients: readonly string[]): string {
  const squares = gradients.map((g) => b.op('ReduceSumSquare', [g], { keepdims: 0 }));
  const norm = b.op('Sqrt', [squares.reduce((x, y) => b.op('Add', [x, y]))], {}, { outputs: [GRADIENT_NORM] });
  return b.output(norm, FLOAT, []);
}

/** `scale` that brings gradients of this joint norm to at most `most`; {} where nothing is clipped (Pascanu et al. 2013, arXiv 1211.5063). */
export function clippedTo(b: GraphBuilder, norm: string, most: number | null): Pick<Trained, 'scale'> {
  if (most === null) return {};
  const limit = constant(b, FLOAT, most);
  return { scale: b.op('Div', [limit, b.op('Max', [norm, limit])]) };
}

/**
 * decay * average + (1 - decay) * value, as average + (1 - decay) * (value - average), so that an average of what does not
 * change stays it to the bit (Polyak and Juditsky 1992; the exponential form). `decay` is a scalar tensor's name.
 */
export function movingAverage(b: GraphBuilder, average: string, value: string, decay: string, output: string): string {
  const fresh = b.op('Sub', [constant(b, FLOAT, 1), decay]);
  const step = b.op('Mul', [b.op('Sub', [value, average]), fresh]);
  return b.op('Add', [average, step], {}, { outputs: [output] });
}

const FLOAT: DataType = 'float32';

/** What the gradient and its square are multiplied with in Adam's moments: 1 - beta, and the scale that clipping asks for. */
function shares(b: GraphBuilder, p: Trained, beta1: number, beta2: number): readonly [string, string] {
  const [first, second] = [constant(b, FLOAT, 1 - beta1), constant(b, FLOAT, 1 - beta2)];
  if (p.scale === undefined) return [first, second];
  return [b.op('Mul', [first, p.scale]), b.op('Mul', [second, b.op('Mul', [p.scale, p.scale])])];
}

/** A state whose next value is the sum of what `update` answers. */
function state(
  b: GraphBuilder,
  letter: string,
  p: Trained,
  into: StateEntry[],
  update: (old: string) => readonly [string, string],
): string {
  const input = b.input(`${letter}(${p.name})`, FLOAT, p.dims);
  const output = b.op('Add', update(input), {}, { outputs: [nextName(input)] });
  b.output(output, FLOAT, p.dims);
  into.push({ input, output, dims: p.dims, of: p.name });
  return output;
}

function next(b: GraphBuilder, p: Trained, kept: string, step: string): StateEntry {
  const output = b.op('Sub', [kept, step], {}, { outputs: [nextName(p.name)] });
  b.output(output, FLOAT, p.dims);
  return { input: p.name, output, dims: p.dims };
}

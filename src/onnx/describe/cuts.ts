import { elements } from '../tensor.js';
import type { Node } from '../types.js';
import { type HiddenState, hiddenState } from './hidden-state.js';
import { isPooling, linearLayer, peel, pooledClassifier, type Structure } from './structure.js';

/** Where a model can be cut, and what kind of features are there; see `featureTrunk` for what is done with each kind. */
export interface FoundCut {
  readonly tensor: string;
  /**
   * 'pooled': averaged over places or tokens, [N, C] or [N, C, 1, 1]; 'token': one of the tokens, the one that a classifier reads;
   * 'flattened': a whole map as one row; 'hidden': output of an inner fully connected layer; 'logits': the classifier's own
   * output; 'map': [N, C, h, w] or [N, h, w, C], and 'tokens': [N, L, C], which are averaged when cut.
   */
  readonly kind: 'pooled' | 'token' | 'flattened' | 'hidden' | 'logits' | 'map' | 'tokens';
  readonly features: number;
  readonly default: boolean;
}
export interface FoundClassifier {
  readonly found: true;
  readonly classes: number;
  /** Names (or first outputs) of the nodes that the default cut leaves away. */
  readonly removedNodes: readonly string[];
}

const FEATURE_NAME = /feature|embed|pool|hidden|representation/i;
const CLASS_NAME = /logit|prob|softmax|class|score|label|predict/i;
const label = (node: Node): string => node.name || (node.outputs[0] ?? node.opType);

export interface Cuts {
  readonly cuts: readonly FoundCut[];
  readonly classifier: FoundClassifier | null;
  /** Of an encoder of texts with something above the vectors of its tokens: where these are. */
  readonly hidden: HiddenState | null;
}

/** Cuts of a model by its structure, the default first; empty where no output has one row per example. */
export function findCuts(s: Structure, labels: number | null, images: boolean): Cuts {
  const main = s.graph.outputs.map((v) => v.name).find((name) => s.node(name) && s.dims(name)[0] === s.batch);
  if (main === undefined) return { cuts: [], classifier: null, hidden: null };
  const below = images || s.dims(main).length > 3 ? null : hiddenState(s, main);
  // Of an encoder alone the output is the hidden state: nothing stands above it.
  const hidden = below !== null && s.dims(main).length === 3 && below.perToken === null ? null : below;
  const out = peel(s, main, true);
  const cuts: FoundCut[] = [];
  const propose = (tensor: string, isDefault: boolean, kind = kindOf(s, tensor)): void => {
    const features = kind && featuresOf(s, tensor);
    if (kind && features && s.isFloat(tensor) && !cuts.some((c) => c.tensor === tensor))
      cuts.push({ tensor, kind, features, default: isDefault && !cuts.some((c) => c.default) });
  };
  if (hidden) propose(hidden.tensor, true);
  if (hidden !== null && hidden.perToken !== null) return { cuts, classifier: null, hidden };
  const named = { feature: FEATURE_NAME.test(main) && !CLASS_NAME.test(main), classes: CLASS_NAME.test(main) };
  const layer = named.feature && !out.squashed ? null : linearLayer(s, out.tensor);
  const pooled = layer ? null : pooledClassifier(s, out.tensor);
  // A headless backbone ends in the same shape as SqueezeNet: what tells them apart is that widths are multiples of 16.
  const classes = pooled?.outputs ?? 0;
  const isClassifier =
    pooled !== null && !named.feature && (out.squashed || named.classes || classes === labels || classes % 16 !== 0);
  const head = layer ?? (isClassifier ? pooled : null);
  if (!head) {
    const own = firstOf(s, main);
    const rank = s.dims(own).length;
    // Rows that are no features of the whole picture are a detector's boxes: then its deepest map is the better cut.
    const boxes = images && rank === 3 && !named.feature && !normalised(s, own);
    if (rank <= 3 && !boxes) propose(own, true);
    if (cuts.length === 0 && images) propose(deepestMap(s, main) ?? own, true);
    const rows = s.graph.outputs.filter(({ name }) => s.dims(name).length === 2 && !CLASS_NAME.test(name));
    if (images && cuts[0]?.kind === 'tokens') for (const { name } of rows) propose(name, false);
    if (images) addEarlier(s, main, propose);
    return { cuts, classifier: null, hidden };
  }
  const features = peel(s, head.input);
  const at = bestName(s, head.input, features.passed);
  propose(at, true);
  for (let below = linearLayer(s, afterActivation(s, features.tensor)); below; ) {
    const next = peel(s, below.input);
    propose(bestName(s, below.input, next.passed), false);
    below = linearLayer(s, afterActivation(s, next.tensor));
  }
  if (images) addEarlier(s, at, propose);
  propose(firstFloat(s, main, out), false, 'logits');
  const removed = hidden?.above ?? [...out.passed, ...head.nodes, ...features.passed.filter((n) => !leadsTo(s, at, n))];
  return { cuts, classifier: { found: true, classes: head.outputs, removedNodes: removed.map(label) }, hidden };
}

/** Transformers end in a normalisation of their tokens: an operator of its own, or a scale and a shift by constants. */
function normalised(s: Structure, tensor: string): boolean {
  const node = s.node(tensor);
  if (node?.opType !== 'Add') return node?.opType === 'LayerNormalization';
  const moving = node.inputs.map((input) => s.node(input)).find((below) => below?.opType === 'Mul');
  return moving?.inputs.some((input) => s.isConstant(input)) ?? false;
}

/** The lowest float tensor from which only renaming, reshaping or squashing leads to the output. */
function firstFloat(s: Structure, main: string, out: { tensor: string; passed: readonly Node[] }): string {
  const down = [main, ...out.passed.map((n) => n.inputs[0] ?? '')];
  return down.findLast((name) => s.isFloat(name)) ?? out.tensor;
}

/** The output itself, or what it merely renames. */
function firstOf(s: Structure, name: string): string {
  const node = s.node(name);
  const input = node?.opType === 'Identity' || node?.opType === 'DequantizeLinear' ? (node.inputs[0] ?? '') : '';
  return node?.opType === 'Identity' && s.node(input) ? firstOf(s, input) : name;
}

/** Cuts at the layer's input, but below a Dropout or Identity, which add nothing; quantised tensors are cut after dequantising. */
function bestName(s: Structure, input: string, passed: readonly Node[]): string {
  let at = input;
  for (const node of passed) {
    if (
      node.opType === 'QuantizeLinear' ||
      node.opType === 'Dropout' ||
      node.opType === 'Identity' ||
      node.opType === 'Cast'
    )
      at = node.inputs[0] ?? at;
    else break;
  }
  return s.node(at) ? at : input;
}
const leadsTo = (s: Structure, at: string, node: Node): boolean =>
  node.outputs.includes(at) || peel(s, at).passed.includes(node);

/** Back over one activation to the layer below, if there is one. */
function afterActivation(s: Structure, tensor: string): string {
  const node = s.node(tensor);
  return node && /^(Relu|Tanh|Sigmoid|Clip|LeakyRelu|Gelu|HardSwish|Elu)$/.test(node.opType)
    ? (node.inputs[0] ?? tensor)
    : tensor;
}

function kindOf(s: Structure, tensor: string): FoundCut['kind'] | null {
  const dims = s.dims(tensor);
  if (!s.node(tensor) || dims[0] !== s.batch) return null;
  const layout = s.layout(tensor);
  if (layout === 'tokens') return 'tokens';
  if (layout !== 'row' && places(s, tensor) > 1) return 'map';
  if (dims.length !== 2 && dims.length !== 4) return null;
  const { tensor: source } = peel(s, tensor);
  const node = s.node(source);
  if (node && PICKS.test(node.opType) && s.layout(node.inputs[0] ?? '') === 'tokens') return 'token';
  const whole = s.dims(source).length === 4 && places(s, source) === 1 && !linearLayer(s, source);
  if (node && (isPooling(s, node) || whole)) return 'pooled';
  return s.dims(source).length > 2 ? 'flattened' : 'hidden';
}
const PICKS = /^(Gather|Slice|Split)$/;

/** The width of a cut: what `featureTrunk` gives for an example. */
function featuresOf(s: Structure, tensor: string): number {
  const dims = s.dims(tensor);
  const layout = s.layout(tensor);
  if (layout === 'map') return dims[1] as number;
  return layout === 'row' ? elements(dims.slice(1)) : (dims.at(-1) as number);
}
const places = (s: Structure, name: string): number =>
  elements(s.layout(name) === 'lastMap' ? s.dims(name).slice(1, -1) : s.dims(name).slice(2));

/** Maps of several places, and sequences of tokens, below a tensor, in topological order. */
function below(s: Structure, tensor: string, wanted: 'maps' | 'tokens'): readonly string[] {
  const seen = new Set<string>();
  const stack = [tensor];
  for (let name = stack.pop(); name !== undefined; name = stack.pop()) {
    if (name === '' || seen.has(name)) continue;
    seen.add(name);
    stack.push(...(s.node(name)?.inputs ?? []));
  }
  return s.graph.nodes
    .flatMap((node) => node.outputs.slice(0, 1))
    .filter((name) => {
      if (!seen.has(name) || !s.isFloat(name) || s.dims(name)[0] !== s.batch) return false;
      if (REARRANGES.has(s.node(name)?.opType ?? '')) return false;
      const layout = s.layout(name);
      if (wanted === 'tokens') return layout === 'tokens' && s.dims(name).length === 3;
      return (layout === 'map' || layout === 'lastMap') && s.dims(name).length === 4 && places(s, name) > 1;
    });
}
/** What these give out is no new feature, or none in the order of a map. */
const REARRANGES: ReadonlySet<string> = new Set([
  'Transpose',
  'Reshape',
  'Pad',
  'Slice',
  'Split',
  'Identity',
  'Dropout',
]);
/** Of a network without a classifier (a detector): the richest of its smallest maps, the last of equals. */
function deepestMap(s: Structure, tensor: string): string | null {
  const maps = below(s, tensor, 'maps');
  const smallest = Math.min(...maps.map((name) => places(s, name)));
  const candidates = maps.filter((name) => places(s, name) === smallest);
  const widest = Math.max(...candidates.map((name) => featuresOf(s, name)));
  return candidates.findLast((name) => featuresOf(s, name) === widest) ?? null;
}

/**
 * Earlier places to cut: the last map of each of the three deepest resolutions; of a transformer, whose maps are no more than
 * pieces of the picture, the tokens below the cut and what its last three residual connections give.
 */
function addEarlier(s: Structure, tensor: string, propose: (tensor: string, isDefault: boolean) => void): void {
  const source = peel(s, tensor).tensor;
  if ([source, s.node(source)?.inputs[0] ?? ''].some((name) => s.layout(name) === 'tokens')) {
    const tokens = below(s, tensor, 'tokens');
    const residual = tokens.filter((name) => {
      const node = s.node(name);
      return node?.opType === 'Add' && node.inputs.every((input) => tokens.includes(input));
    });
    for (const name of new Set([...tokens.slice(-1), ...residual.slice(-3).reverse()])) propose(name, false);
    return;
  }
  const last = new Map<number, string>();
  for (const name of below(s, tensor, 'maps')) last.set(places(s, name), name);
  for (const [, name] of [...last].sort(([a], [b]) => a - b).slice(0, 3)) propose(name, false);
}

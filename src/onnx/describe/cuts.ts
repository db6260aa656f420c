import { elements } from '../tensor.js';
import type { Node } from '../types.js';
import { isPooling, linearLayer, peel, pooledClassifier, type Structure } from './structure.js';

/** Where a model can be cut, and what kind of features are there; see `featureTrunk` for what is done with each kind. */
export interface FoundCut {
  readonly tensor: string;
  /**
   * 'pooled': averaged over places, [N, C] or [N, C, 1, 1]; 'flattened': a whole map as one row; 'hidden': output of an inner
   * fully connected layer; 'logits': the classifier's own output; 'map': [N, C, h, w], which is averaged when cut; 'tokens': [N, L, C].
   */
  readonly kind: 'pooled' | 'flattened' | 'hidden' | 'logits' | 'map' | 'tokens';
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

/** Cuts of a model by its structure, the default first; empty where no output has one row per example. */
export function findCuts(
  s: Structure,
  labels: number | null,
  images: boolean,
): { cuts: readonly FoundCut[]; classifier: FoundClassifier | null } {
  const main = s.graph.outputs.map((v) => v.name).find((name) => s.node(name) && s.dims(name)[0] === s.batch);
  if (main === undefined) return { cuts: [], classifier: null };
  const out = peel(s, main, true);
  const cuts: FoundCut[] = [];
  const propose = (tensor: string, isDefault: boolean, kind = kindOf(s, tensor)): void => {
    const features = kind && featuresOf(s, tensor, kind);
    if (kind && features && s.isFloat(tensor) && !cuts.some((c) => c.tensor === tensor))
      cuts.push({ tensor, kind, features, default: isDefault });
  };
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
    const boxes = images && rank === 3 && !named.feature;
    if (rank <= 3 && !boxes) propose(own, true);
    if (cuts.length === 0 && images) propose(deepestMap(s, main) ?? own, true);
    if (images) addMaps(s, main, propose);
    return { cuts, classifier: null };
  }
  const features = peel(s, head.input);
  const at = bestName(s, head.input, features.passed);
  propose(at, true);
  for (let below = linearLayer(s, afterActivation(s, features.tensor)); below; ) {
    const next = peel(s, below.input);
    propose(bestName(s, below.input, next.passed), false);
    below = linearLayer(s, afterActivation(s, next.tensor));
  }
  if (images) addMaps(s, at, propose);
  propose(firstFloat(s, main, out), false, 'logits');
  const removed = [...out.passed, ...head.nodes, ...features.passed.filter((n) => !leadsTo(s, at, n))].map(label);
  return { cuts, classifier: { found: true, classes: head.outputs, removedNodes: removed } };
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
  if (dims.length === 3) return 'tokens';
  if (dims.length === 4 && elements(dims.slice(2)) > 1) return elements(dims.slice(1, 3)) === 1 ? 'pooled' : 'map';
  if (dims.length !== 2 && dims.length !== 4) return null;
  const { tensor: source } = peel(s, tensor);
  const node = s.node(source);
  if (node && (isPooling(s, node) || s.dims(source).length === 4) && places(s, source) === 1 && !linearLayer(s, source))
    return 'pooled';
  return s.dims(source).length > 2 ? 'flattened' : 'hidden';
}

function featuresOf(s: Structure, tensor: string, kind: FoundCut['kind']): number {
  const dims = s.dims(tensor);
  if (kind === 'map') return dims[1] as number;
  if (kind === 'tokens') return dims[2] as number;
  return elements(dims.slice(1));
}

/** Maps [N, C, h, w] below a tensor, in topological order. */
function mapsBelow(s: Structure, tensor: string): readonly string[] {
  const seen = new Set<string>();
  const stack = [tensor];
  for (let name = stack.pop(); name !== undefined; name = stack.pop()) {
    if (name === '' || seen.has(name)) continue;
    seen.add(name);
    stack.push(...(s.node(name)?.inputs ?? []));
  }
  return s.graph.nodes
    .flatMap((node) => node.outputs.slice(0, 1))
    .filter(
      (name) =>
        seen.has(name) &&
        s.isFloat(name) &&
        !REARRANGES.has(s.node(name)?.opType ?? '') &&
        s.dims(name).length === 4 &&
        s.dims(name)[0] === s.batch &&
        elements(s.dims(name).slice(2)) > 1,
    );
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
const places = (s: Structure, name: string): number => elements(s.dims(name).slice(2));

/** Of a network without a classifier (a detector): the richest of its smallest maps, the last of equals. */
function deepestMap(s: Structure, tensor: string): string | null {
  const maps = mapsBelow(s, tensor);
  const smallest = Math.min(...maps.map((name) => places(s, name)));
  const candidates = maps.filter((name) => places(s, name) === smallest);
  const widest = Math.max(...candidates.map((name) => s.dims(name)[1] as number));
  return candidates.findLast((name) => s.dims(name)[1] === widest) ?? null;
}

/** The last map of each of the three deepest resolutions, as earlier places to cut. */
function addMaps(s: Structure, tensor: string, propose: (tensor: string, isDefault: boolean) => void): void {
  const last = new Map<number, string>();
  for (const name of mapsBelow(s, tensor)) last.set(places(s, name), name);
  for (const [, name] of [...last].sort(([a], [b]) => a - b).slice(0, 3)) propose(name, false);
}

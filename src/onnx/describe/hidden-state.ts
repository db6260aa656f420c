import { intsAttribute } from '../attributes.js';
import { constantNumbers } from '../graph.js';
import type { Node, ValueInfo } from '../types.js';
import type { Structure } from './structure.js';
import { tokenHead } from './token-head.js';

/** Integer ids [N, L] are what text encoders read. */
export const isTokenIds = (v: ValueInfo): boolean =>
  /^int(32|64)$/.test(v.dataType) && v.shape?.length === 2 && /ids|token/i.test(v.name) && !/type/i.test(v.name);

/** The last hidden state of an encoder of texts, below whatever reads it. */
export interface HiddenState {
  /** Float [N, L, C]. */
  readonly tensor: string;
  /** Nodes above it that compute with it, the output's first. */
  readonly above: readonly Node[];
  /** What they read is the vector of the first token: that one the encoder was trained to sum the text up in. */
  readonly firstToken: boolean;
  /** Numbers that a head over each token gave for one, as a masked language model's does; null where there was none. */
  readonly perToken: number | null;
}

/**
 * From an output back over classifier, pooler and pooling to the vectors of all tokens: the uppermost tensor with one for each.
 * null where there is none below the output, or several (two encoders, or a head that reads more layers than the last).
 */
export function hiddenState(s: Structure, output: string): HiddenState | null {
  const ids = s.graph.inputs.find(isTokenIds);
  if (ids === undefined) return null;
  const length = s.dims(ids.name)[1];
  const embedded = embeddedTensors(s);
  const isHidden = (name: string): boolean => {
    const dims = s.dims(name);
    return s.layout(name) === 'tokens' && dims.length === 3 && dims[0] === s.batch && dims[1] === length;
  };
  const found = new Set<string>();
  const above = new Set<Node>();
  const stack = [output];
  for (let name = stack.pop(); name !== undefined; name = stack.pop()) {
    const node = s.node(name);
    if (node === undefined || above.has(node) || found.has(name)) continue;
    const moving = node.inputs.filter((input) => embedded.has(input));
    if (isHidden(name) && !onlyMasks(s, node, moving)) found.add(name);
    else {
      above.add(node);
      stack.push(...moving);
    }
  }
  const [uppermost] = found;
  if (uppermost === undefined || found.size > 1) return null;
  // Where a head gives numbers for each token, the vectors of the tokens are below it.
  const head = tokenHead(s, uppermost);
  const tensor = head?.tensor ?? uppermost;
  const firstToken = [...above].some((node) => picksFirst(s, node, tensor));
  return { tensor, above: [...above, ...(head?.nodes ?? [])], firstToken, perToken: head?.outputs ?? null };
}

/** Float tensors that come of a table of embeddings: neither masks nor sizes. */
function embeddedTensors(s: Structure): ReadonlySet<string> {
  const embedded = new Set<string>();
  for (const node of s.graph.nodes) {
    const table = node.opType === 'Gather' && s.isFloat(node.outputs[0] ?? '') && isTable(s, node.inputs[0] ?? '');
    if (!table && !node.inputs.some((input) => embedded.has(input))) continue;
    for (const name of node.outputs) if (s.isFloat(name)) embedded.add(name);
  }
  return embedded;
}
const isTable = (s: Structure, name: string): boolean =>
  s.dims(name).length === 2 && (s.graph.initializers.has(name) || s.isConstant(name));

/** Vectors that are only renamed, or from which those of padding are taken off (times the mask, or less a large number). */
function onlyMasks(s: Structure, node: Node, moving: readonly string[]): boolean {
  if (moving.length !== 1) return false;
  if (/^(Identity|Dropout|Cast)$/.test(node.opType)) return true;
  const others = node.inputs.filter((input) => input !== moving[0] && input !== '');
  return /^(Mul|Add|Where)$/.test(node.opType) && others.some((input) => s.node(input) && !s.isConstant(input));
}

/** Takes one place of each sequence of tokens, the first: `hidden[:, 0]`, as a Gather or a Slice. */
function picksFirst(s: Structure, node: Node, hidden: string): boolean {
  if (!/^(Gather|Slice)$/.test(node.opType)) return false;
  const [from, to] = [s.dims(node.inputs[0] ?? ''), s.dims(node.outputs[0] ?? '')];
  const whole = s.dims(hidden);
  if (from.join() !== whole.join() || s.batch !== to[0] || to.at(-1) !== whole[2]) return false;
  if (to.length === 3 ? to[1] !== 1 : to.length !== 2) return false;
  const at = constantNumbers(s.graph, s.made, node.inputs[1] ?? '');
  if (node.opType === 'Gather') return at?.[0] === 0;
  return (intsAttribute(node, 'starts') ?? at ?? []).every((start) => start === 0);
}

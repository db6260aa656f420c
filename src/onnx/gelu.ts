import { stringAttribute } from './attributes.js';
import { graphBuilder } from './builder.js';
import { constant } from './emit.js';
import { GRAFT_DOMAIN, writtenOut } from './graft-domain.js';
import { constantNumbers, consumers, producers } from './graph.js';
import type { Graph, Model, Node, Shapes } from './types.js';

export const GELU = 'Gelu';
/** ln phi(0) of the standard normal density phi. */
const LOG_DENSITY_AT_0 = -0.5 * Math.log(2 * Math.PI);

/**
 * For training: every Gaussian error linear unit that an exporter wrote out, x Phi(x) = x (1 + erf(x / sqrt 2)) / 2 in any order of
 * its factors, or Gelu of opset 20 (Hendrycks and Gimpel 2016, arXiv 1606.08415), becomes one node `graft.Gelu` x -> (y, slope).
 * `differentiate` knows it and `lowerGelu` writes it out in standard operators: eleven passes over the tensor, the gradient's
 * among them, where the rules of the single operators take fifteen. `shapes` are those of the model, and come back with the slopes' added.
 */
export function fuseGelu(model: Model, shapes: Shapes): { readonly model: Model; readonly shapes: Shapes } {
  const reading = readingOf(model.graph);
  const found = model.graph.nodes.flatMap((node) => {
    const one = node.domain !== '' ? null : node.opType === 'Erf' ? unitAround(node, reading) : whole(node);
    return one !== null && shapes.get(one.x)?.dataType === 'float32' ? [one] : [];
  });
  if (found.length === 0) return { model, shapes };
  const b = graphBuilder({ from: model, prefix: 'gelu/' });
  const known = new Map(shapes);
  const instead = new Map<Node, Node | null>();
  for (const { x, nodes } of found) {
    const last = nodes.at(-1)!;
    const slope = b.fresh('slope');
    known.set(slope, shapes.get(x)!);
    for (const node of nodes) instead.set(node, null);
    const [y] = last.outputs as readonly [string];
    const made = { opType: GELU, domain: GRAFT_DOMAIN, inputs: [x], outputs: [y, slope], attributes: new Map() };
    instead.set(last, { ...last, ...made });
  }
  const nodes = model.graph.nodes.flatMap((node) => (instead.has(node) ? (instead.get(node) ?? []) : node));
  return {
    model: {
      ...model,
      opsets: new Map([...model.opsets, [GRAFT_DOMAIN, 1]]),
      graph: { ...model.graph, nodes },
    },
    shapes: known,
  };
}

interface Reading {
  /** The node that makes a tensor. */
  from(name: string): Node | undefined;
  /** The only reader of a tensor that is not read from outside. */
  only(name: string): Node | undefined;
  scalar(name: string): number | null;
}
function readingOf(graph: Graph): Reading {
  const [made, readers] = [producers(graph), consumers(graph)];
  const outputs = new Set(graph.outputs.map((v) => v.name));
  return {
    from: (name) => made.get(name),
    only(name) {
      const all = readers.get(name) ?? [];
      return all.length === 1 && !outputs.has(name) ? all[0] : undefined;
    },
    scalar(name) {
      const values = constantNumbers(graph, made, name);
      return values?.length === 1 ? (values[0] as number) : null;
    },
  };
}

interface Unit {
  readonly x: string;
  /** All nodes of it, the one that makes its output last. */
  readonly nodes: readonly Node[];
}
function whole(node: Node): Unit | null {
  const exact = node.opType === 'Gelu' && stringAttribute(node, 'approximate', 'none') === 'none';
  return exact ? { x: node.inputs[0] as string, nodes: [node] } : null;
}

function unitAround(erf: Node, r: Reading): Unit | null {
  const inner = r.from(erf.inputs[0] as string);
  const scaled = inner && product(inner, r);
  if (scaled?.by === undefined || !near(scaled.by, Math.SQRT1_2) || !r.only(inner!.outputs[0] as string)) return null;
  const { x } = scaled;
  const sum = r.only(erf.outputs[0] as string);
  const addsOne = sum?.opType === 'Add' && sum.domain === '' && sum.inputs.some((name) => r.scalar(name) === 1);
  const next = addsOne ? r.only(sum.outputs[0] as string) : undefined;
  if (!sum || !next) return null;
  const begun = [inner!, erf, sum, next];
  const half = product(next, r);
  // The product of two tensors may be halved before, or one of its factors was.
  if (half?.by !== undefined) {
    const last = near(half.by, 0.5) ? r.only(next.outputs[0] as string) : undefined;
    return last && isProduct(last, next.outputs[0] as string, x) ? { x, nodes: [...begun, last] } : null;
  }
  if (isProduct(next, sum.outputs[0] as string, x)) {
    const last = r.only(next.outputs[0] as string);
    const by = last && product(last, r)?.by;
    return last && by !== undefined && near(by, 0.5) ? { x, nodes: [...begun, last] } : null;
  }
  const other = next.inputs.find((name) => name !== sum.outputs[0]);
  const halved = other === undefined ? undefined : r.from(other);
  const factor = halved && product(halved, r);
  if (factor?.x !== x || factor.by === undefined || !near(factor.by, 0.5) || !r.only(other!)) return null;
  return isProduct(next, sum.outputs[0] as string, other!) ? { x, nodes: [inner!, erf, sum, halved!, next] } : null;
}

/** What a Mul or Div by one number multiplies, and by how much; `by` is left out where both sides are tensors. */
function product(node: Node, r: Reading): { readonly x: string; readonly by?: number } | null {
  if (node.domain !== '' || (node.opType !== 'Mul' && node.opType !== 'Div')) return null;
  const [x, y] = node.inputs as readonly [string, string];
  const [left, right] = [r.scalar(x), r.scalar(y)];
  if (right !== null) return { x, by: node.opType === 'Mul' ? right : 1 / right };
  if (left !== null && node.opType === 'Mul') return { x: y, by: left };
  return { x };
}
const isProduct = (node: Node, x: string, y: string): boolean =>
  node.opType === 'Mul' && node.domain === '' && [...node.inputs].sort().join('\n') === [x, y].sort().join('\n');
/** As single precision writes it. */
const near = (a: number, b: number): boolean => Math.abs(a - b) < 1e-6;

/** The model with `graft.Gelu` written out in standard operators; slopes that nobody reads are left out. */
export function lowerGelu(model: Model): Model {
  const readers = consumers(model.graph);
  return writtenOut(model, GELU, 'gelu/lowered/', (b, node) => {
    const number = (value: number): string => constant(b, 'float32', value);
    const [x] = node.inputs as readonly [string];
    const [y, slope] = node.outputs as readonly [string, string];
    const u = b.op('Mul', [x, number(Math.SQRT1_2)]);
    const below = b.op('Mul', [b.op('Add', [b.op('Erf', [u]), number(1)]), number(0.5)]);
    b.op('Mul', [x, below], {}, { outputs: [y] });
    if (!readers.has(slope)) return;
    // phi(x) = exp(ln phi(0) - x² / 2)
    const density = b.op('Exp', [b.op('Sub', [number(LOG_DENSITY_AT_0), b.op('Mul', [u, u])])]);
    b.op('Add', [below, b.op('Mul', [x, density])], {}, { outputs: [slope] });
  });
}

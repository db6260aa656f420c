import { cutMany } from './cut.js';
import { reads } from './order.js';
import { renameTensors } from './rename.js';
import { elements } from './tensor.js';
import type { DataType, Graph, Model, Node, Tensor, ValueInfo } from './types.js';

/** Of these an element depends on nothing but the elements at its own place. */
const BY_ELEMENT: ReadonlySet<string> = new Set([
  'Add',
  'Sub',
  'Mul',
  'Div',
  'Sqrt',
  'Max',
  'Less',
  'Cast',
  'Identity',
]);
const SLICE_LENGTH = 'slice';

/** A part of a graph that works element by element on vectors of one size, so that it may be run in slices of any length. */
export interface ElementwisePart {
  /** Elements of each of its vectors. */
  readonly size: number;
  /** Reads slices [n] and scalars, makes slices [n]; tensors have names of its own. Parts that compute the same are one object. */
  readonly model: Model;
  /** By names of the part: what of the whole graph is sliced, fed whole, and made. */
  readonly vectors: ReadonlyMap<string, string>;
  readonly scalars: ReadonlyMap<string, string>;
  readonly outputs: ReadonlyMap<string, string>;
}
export interface ElementwiseParts {
  readonly parts: readonly ElementwisePart[];
  /** Everything else; null where nothing is left. May be run after the parts only. */
  readonly rest: Model | null;
}

/**
 * Splits a graph of float32 vectors (an optimizer's step, a moving average) into what is independent of each other and works
 * element by element on at least `least` elements. A run in slices that stay in the processor's cache reads and writes each
 * vector once, where node by node over the whole vector every intermediate value goes out to memory and back.
 */
export function elementwiseParts(model: Model, least: number): ElementwiseParts {
  const { graph } = model;
  const sizes = vectorSizes(graph);
  const group = joined(graph, sizes);
  const rest: string[] = [];
  const byGroup = new Map<string, string[]>();
  for (const { name } of graph.outputs) {
    const members = group(name);
    if (fits(graph, members, sizes, least)) byGroup.set(members.key, [...(byGroup.get(members.key) ?? []), name]);
    else rest.push(name);
  }
  const known = new Map<string, Model>();
  const parts = [...byGroup.values()].map((outputs) => part(model, outputs, sizes, known));
  return { parts, rest: rest.length === 0 ? null : cutMany(model, rest) };
}

/** Element counts of what is no scalar; null where a node's vectors differ in size or nothing is known of it. */
function vectorSizes(graph: Graph): ReadonlyMap<string, number | null> {
  const sizes = new Map<string, number | null>();
  const state = (name: string, shape: readonly (number | string)[] | null): void => {
    if (shape === null || shape.some((d) => typeof d === 'string')) sizes.set(name, null);
    else if (shape.length > 0) sizes.set(name, elements(shape as number[]));
  };
  for (const { name, shape } of graph.inputs) state(name, shape);
  for (const [name, { dims }] of graph.initializers) state(name, dims);
  for (const node of graph.nodes) {
    const read = new Set(reads(node).flatMap((name) => sizes.get(name) ?? (sizes.has(name) ? [null] : [])));
    const [only] = read;
    const size = read.size > 1 || !BY_ELEMENT.has(node.opType) || node.domain !== '' ? null : only;
    if (size !== undefined) for (const output of node.outputs) sizes.set(output, size);
  }
  return sizes;
}

interface Members {
  readonly key: string;
  readonly tensors: readonly string[];
}
/** The vectors that are tied to one by nodes, in either direction. */
function joined(graph: Graph, sizes: ReadonlyMap<string, number | null>): (name: string) => Members {
  const parent = new Map<string, string>();
  const root = (name: string): string => {
    const up = parent.get(name);
    return up === undefined ? name : root(up);
  };
  for (const node of graph.nodes) {
    const [first, ...others] = [...reads(node), ...node.outputs].filter((name) => sizes.has(name));
    for (const other of others) {
      const [a, b] = [root(first as string), root(other)];
      if (a !== b) parent.set(b, a);
    }
  }
  const members = new Map<string, string[]>();
  for (const name of sizes.keys()) members.set(root(name), [...(members.get(root(name)) ?? []), name]);
  return (name) => ({ key: root(name), tensors: members.get(root(name)) ?? [] });
}

function fits(graph: Graph, { tensors }: Members, sizes: ReadonlyMap<string, number | null>, least: number): boolean {
  const [size, ...others] = new Set(tensors.map((name) => sizes.get(name)));
  const types = [...graph.inputs, ...graph.outputs, ...graph.initializers.values()];
  const floats = types.every((v) => !tensors.includes(v.name) || v.dataType === 'float32');
  return others.length === 0 && typeof size === 'number' && size >= least && floats;
}

function part(
  model: Model,
  outputs: readonly string[],
  sizes: ReadonlyMap<string, number | null>,
  known: Map<string, Model>,
): ElementwisePart {
  const { graph } = cutMany(model, outputs);
  const fed = [...graph.inputs, ...[...graph.initializers].map(([name, t]) => ({ name, dataType: t.dataType }))];
  const own = new Map<string, string>();
  // In the order of the nodes, so that parts that compute the same get the same names.
  for (const name of graph.nodes.flatMap((node) => [...node.inputs, ...node.outputs]))
    if (!own.has(name)) own.set(name, `t${own.size}`);
  const renamed = (name: string): string => own.get(name) as string;
  const info = ({ name, dataType }: { name: string; dataType: ValueInfo['dataType'] }): ValueInfo => ({
    name: renamed(name),
    dataType,
    shape: sizes.has(name) ? [SLICE_LENGTH] : [],
  });
  const sorted = (list: readonly ValueInfo[]): readonly ValueInfo[] =>
    [...list].sort((a, b) => (a.name < b.name ? -1 : 1));
  const made: Graph = {
    ...renameTensors({ ...graph, valueInfo: new Map() }, own),
    inputs: sorted(fed.map(info)),
    outputs: sorted(outputs.map((name) => info({ name, dataType: 'float32' satisfies DataType }))),
    initializers: new Map<string, Tensor>(),
  };
  const key = written(made);
  const same = known.get(key) ?? { ...model, graph: made };
  known.set(key, same);
  const named = (list: readonly string[]) => new Map(list.map((name) => [renamed(name), name]));
  return {
    size: sizes.get(outputs[0] as string) as number,
    model: same,
    vectors: named(fed.map((v) => v.name).filter((name) => sizes.has(name))),
    scalars: named(fed.map((v) => v.name).filter((name) => !sizes.has(name))),
    outputs: named(outputs),
  };
}

/** The graph as text: the same for graphs that compute the same from the same inputs. */
const written = ({ nodes, inputs, outputs }: Graph): string =>
  JSON.stringify([nodes.map(writtenNode), inputs, outputs], (_, value) =>
    typeof value === 'bigint' ? String(value) : value,
  );
const writtenNode = ({ opType, inputs, outputs, attributes }: Node) => [opType, inputs, outputs, [...attributes]];

import { reads } from './order.js';
import type { Graph, Node } from './types.js';

/** What reads its inputs while it runs and keeps no view of them. */
const ARITHMETIC: ReadonlySet<string> = new Set(['Add', 'Sub', 'Mul', 'Div', 'ReduceSumSquare']);
/** Of these an element depends on the element at its own place. */
const BY_ELEMENT: ReadonlySet<string> = new Set(['Add', 'Sub', 'Mul', 'Div']);

/**
 * Tells of an input of the graph and an output whether the output may be written into the input's memory, in whatever order
 * an engine runs the nodes: everything that reads the input must be done before the output is made, or be the element by
 * element operation that makes it. An input that the graph does not have is read by nothing.
 */
export function overwritable(graph: Graph): (input: string, output: string) => boolean {
  const producer = new Map(graph.nodes.flatMap((node) => node.outputs.map((name): [string, Node] => [name, node])));
  const known = new Map<string, boolean>();
  const sized = (name: string): string =>
    String([...graph.inputs, ...graph.outputs].find((v) => v.name === name)?.shape?.join());
  const found = (input: string, output: string): boolean => {
    const last = producer.get(output);
    if (last === undefined || graph.outputs.some((v) => v.name === input)) return false;
    const readers = graph.nodes.filter((node) => reads(node).includes(input));
    if (readers.length === 0) return true;
    const before = ancestors(last, producer);
    return readers.every((node) =>
      node === last
        ? BY_ELEMENT.has(node.opType) && sized(input) === sized(output)
        : ARITHMETIC.has(node.opType) && before.has(node),
    );
  };
  return (input, output) => {
    const key = JSON.stringify([input, output]);
    const answer = known.get(key) ?? found(input, output);
    known.set(key, answer);
    return answer;
  };
}

/** Nodes that must have run before this one. */
function ancestors(of: Node, producer: ReadonlyMap<string, Node>): ReadonlySet<Node> {
  const seen = new Set<Node>();
  const open = [of];
  for (let node = open.pop(); node !== undefined; node = open.pop())
    for (const name of reads(node)) {
      const made = producer.get(name);
      if (made === undefined || seen.has(made)) continue;
      seen.add(made);
      open.push(made);
    }
  return seen;
}

import { OnnxError } from './error.js';
import type { Graph, Node } from './types.js';

/** The graphs that a node holds as attributes (bodies of If, Loop, Scan). */
export function subgraphs(node: Node): readonly Graph[] {
  const found: Graph[] = [];
  for (const a of node.attributes.values()) {
    if (a.type === 'graph') found.push(a.value);
    else if (a.type === 'graphs') found.push(...a.value);
  }
  return found;
}

/** Names that a graph takes from the graphs around it. */
export function captured(graph: Graph): ReadonlySet<string> {
  const inner = new Set<string>([...graph.inputs.map((i) => i.name), ...graph.initializers.keys()]);
  for (const node of graph.nodes) for (const output of node.outputs) inner.add(output);
  const outer = new Set<string>();
  for (const node of graph.nodes) for (const name of reads(node)) if (!inner.has(name)) outer.add(name);
  for (const output of graph.outputs) if (!inner.has(output.name)) outer.add(output.name);
  return outer;
}

/** Every tensor that a node needs: its inputs and what its subgraphs capture. Left-out inputs are not named. */
export function reads(node: Node): readonly string[] {
  const named = node.inputs.filter((name) => name !== '');
  const inner = subgraphs(node);
  return inner.length === 0 ? named : [...new Set([...named, ...inner.flatMap((g) => [...captured(g)])])];
}

/**
 * Nodes in an order in which each comes after what it reads; nodes already in order keep it (O(nodes + edges)).
 * Throws `cyclic` naming a tensor on a cycle, `malformed` where two nodes produce one tensor.
 */
export function ordered(nodes: readonly Node[]): readonly Node[] {
  const producer = new Map<string, number>();
  nodes.forEach((node, i) => {
    for (const output of node.outputs) {
      if (output === '') continue;
      if (producer.has(output)) throw new OnnxError('malformed', `Two nodes produce the tensor '${output}'.`);
      producer.set(output, i);
    }
  });
  const needs = nodes.map((node) => reads(node).flatMap((name) => producer.get(name) ?? []));
  if (needs.every((list, i) => list.every((j) => j < i))) return nodes;
  const waiting = needs.map((list) => new Set(list).size);
  const users = new Map<number, number[]>();
  needs.forEach((list, i) => {
    for (const j of new Set(list)) {
      const known = users.get(j);
      if (known) known.push(i);
      else users.set(j, [i]);
    }
  });
  const ready = waiting.flatMap((n, i) => (n === 0 ? [i] : []));
  const result: Node[] = [];
  for (let at = 0; at < ready.length; at++) {
    const i = ready[at] as number;
    result.push(nodes[i] as Node);
    for (const user of users.get(i) ?? []) {
      const left = (waiting[user] as number) - 1;
      waiting[user] = left;
      if (left === 0) ready.push(user);
    }
  }
  if (result.length < nodes.length) {
    const stuck = nodes[waiting.findIndex((n) => n > 0)] as Node;
    throw new OnnxError(
      'cyclic',
      `The tensor '${stuck.outputs[0]}' (${stuck.opType}) depends on itself; a graph has no cycles.`,
    );
  }
  return result;
}

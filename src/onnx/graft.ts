import { OnnxError } from './error.js';
import { names } from './graph.js';
import { alignedOpsets } from './opsets.js';
import { renameTensors } from './rename.js';
import type { Model, ModelFunction, Node, Tensor } from './types.js';

/**
 * Appends `head` to `trunk`: the head's input `to` becomes the trunk's tensor `from`. The result has the inputs of both
 * and the outputs of the head (and those of the trunk but `from`).
 *
 * Names: the head keeps its own, and the trunk keeps its inputs and initializers, by which parameters are known. Where the
 * two meet, an intermediate tensor of the trunk makes way for the head, and a name of the head makes way for an input or
 * initializer of the trunk, unless both are the same initializer (same type, size and bytes), which then stays shared.
 * Throws `unknown-tensor`, `opset-incompatible`, or `invalid-argument` where functions of one name differ.
 */
export function graft(trunk: Model, head: Model, connect: { readonly from: string; readonly to: string }): Model {
  const trunkNames = names(trunk.graph);
  if (!trunkNames.has(connect.from))
    throw new OnnxError('unknown-tensor', `The trunk has no tensor '${connect.from}'.`);
  if (!head.graph.inputs.some((v) => v.name === connect.to))
    throw new OnnxError(
      'unknown-tensor',
      `The head has no input '${connect.to}'; it has ${head.graph.inputs.map((v) => `'${v.name}'`).join(', ')}.`,
    );
  const opsets = alignedOpsets(trunk, head);
  const headNames = names(head.graph);
  headNames.delete(connect.to);
  headNames.delete('');
  const fixed = new Set([...trunk.graph.inputs.map((v) => v.name), ...trunk.graph.initializers.keys()]);
  const used = new Set([...trunkNames, ...headNames]);
  const fresh = (name: string): string => {
    for (let n = 1; ; n++) {
      const candidate = `${name}_${n}`;
      if (used.has(candidate)) continue;
      used.add(candidate);
      return candidate;
    }
  };
  const inTrunk = new Map<string, string>();
  const inHead = new Map<string, string>();
  const shared = new Set<string>();
  for (const name of headNames) {
    if (!trunkNames.has(name)) continue;
    if (same(trunk.graph.initializers.get(name), head.graph.initializers.get(name))) shared.add(name);
    else if (fixed.has(name)) inHead.set(name, fresh(name));
    else inTrunk.set(name, fresh(name));
  }
  inHead.set(connect.to, inTrunk.get(connect.from) ?? connect.from);
  const below = renameTensors(trunk.graph, inTrunk);
  const above = renameTensors(head.graph, inHead);
  const joint = inHead.get(connect.to) as string;
  return {
    ...trunk,
    irVersion: Math.max(trunk.irVersion, head.irVersion),
    opsets,
    metadata: new Map([...trunk.metadata, ...head.metadata]),
    functions: mergedFunctions(trunk.functions, head.functions),
    graph: {
      ...below,
      inputs: [...below.inputs, ...above.inputs.filter((v) => v.name !== joint)],
      outputs: [...below.outputs.filter((v) => v.name !== joint), ...above.outputs],
      nodes: [...below.nodes, ...withOtherNames(above.nodes, below.nodes)],
      initializers: new Map<string, Tensor>([
        ...below.initializers,
        ...[...above.initializers].filter(([n]) => !shared.has(n)),
      ]),
      valueInfo: new Map([...below.valueInfo, ...[...above.valueInfo].filter(([n]) => n !== joint)]),
    },
  };
}

/** Runtimes refuse two nodes of one name; names of nodes mean nothing else. */
function withOtherNames(nodes: readonly Node[], beside: readonly Node[]): readonly Node[] {
  const taken = new Set(beside.map((node) => node.name));
  return nodes.map((node) => (node.name !== '' && taken.has(node.name) ? { ...node, name: '' } : node));
}

function same(a: Tensor | undefined, b: Tensor | undefined): boolean {
  if (!a || !b || a.dataType !== b.dataType || a.dims.join() !== b.dims.join()) return false;
  if (a.external || b.external || a.strings || b.strings) return false;
  return a.data === b.data || a.data.every((byte, i) => byte === b.data[i]);
}

function mergedFunctions(a: readonly ModelFunction[], b: readonly ModelFunction[]): readonly ModelFunction[] {
  const merged = [...a];
  for (const f of b) {
    const known = a.find((g) => g.domain === f.domain && g.name === f.name && g.overload === f.overload);
    if (!known) merged.push(f);
    else if (known !== f)
      throw new OnnxError(
        'invalid-argument',
        `Trunk and head both define the function ${f.domain}:${f.name}; rename one.`,
      );
  }
  return merged;
}

import { intAttribute } from './attributes.js';
import { consumers } from './graph.js';
import type { Model, Node } from './types.js';

/** [out, in, h, w] as places, in, out: how convolutions over channels-last pictures read their kernels. */
export const HWIO: readonly number[] = [2, 3, 1, 0];
/** [channels, each, h, w] of a depthwise kernel as places, channels, results of each. */
export const HWCM: readonly number[] = [2, 3, 0, 1];

/**
 * The orders in which an engine with channels-last kernels (`graft`'s convolution gradients as they are) reads the weights of
 * convolutions over two axes, by name: trained ones that lie so need not be turned around in every step, nor their gradients.
 * Weights that anything else reads are left out.
 */
export function kernelOrders({ graph }: Model): ReadonlyMap<string, readonly number[]> {
  const found = new Map<string, readonly number[]>();
  for (const [name, readers] of consumers(graph)) {
    const dims = graph.initializers.get(name)?.dims ?? [];
    if (dims.length !== 4 || !readers.every((node) => isKernel(node, name))) continue;
    const groups = new Set(readers.map((node) => intAttribute(node, 'group', 1)));
    if (groups.size > 1) continue;
    const [group] = groups as Set<number> & [number];
    if (group === 1) found.set(name, HWIO);
    else if (dims[1] === 1 && dims[0] === group) found.set(name, HWCM);
  }
  return found;
}

const isKernel = (node: Node, name: string): boolean =>
  node.opType === 'Conv' && node.domain === '' && node.inputs[1] === name && node.inputs[0] !== name;

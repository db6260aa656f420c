import { attributes } from './attributes.js';
import { graphBuilder } from './builder.js';
import { OnnxError } from './error.js';
import { elements, numbers, tensor } from './tensor.js';
import type { Model, Node, Tensor } from './types.js';

/** A tensor's place in a pack, in elements. */
export interface Packed {
  readonly name: string;
  readonly dims: readonly number[];
  readonly offset: number;
  readonly size: number;
}
/** Tensors that lie one behind the other in one vector: an optimizer's step is then a few nodes, however many there are. */
export interface Pack {
  /** Input of the graph, float32. */
  readonly name: string;
  readonly size: number;
  /** As the graph has it: a tensor that stands alone keeps its own dims, several are one vector. */
  readonly dims: readonly number[];
  readonly tensors: readonly Packed[];
}

/** Tensors from this size on stand alone: copying them in and out of a vector would cost more than the nodes that it saves. */
const ALONE = 1 << 17;

/** Lays out float32 tensors in vectors: the small ones together in one, in the order given. */
export function packsOf(
  tensors: readonly { readonly name: string; readonly dims: readonly number[] }[],
): readonly Pack[] {
  const packs: Pack[] = [];
  const small: Packed[] = [];
  let offset = 0;
  for (const { name, dims } of tensors) {
    const size = elements(dims);
    if (size >= ALONE) packs.push({ name: `pack(${name})`, size, dims, tensors: [{ name, dims, offset: 0, size }] });
    else {
      small.push({ name, dims, offset, size });
      offset += size;
    }
  }
  return small.length === 0 ? packs : [{ name: 'pack', size: offset, dims: [offset], tensors: small }, ...packs];
}

/**
 * The model with its initializers (or inputs) of the packs' names replaced by pieces of the packs, which become inputs.
 * Throws `unknown-tensor` where the graph has no such tensor to replace.
 */
export function withPacks(model: Model, packs: readonly Pack[]): Model {
  const opset = model.opsets.get('') ?? 0;
  const b = graphBuilder({ opset, prefix: 'packs/' });
  const nodes: Node[] = [];
  const node = (opType: string, inputs: readonly string[], outputs: readonly string[], attrs = {}): void => {
    nodes.push({ opType, domain: '', name: '', inputs, outputs, attributes: attributes(attrs) });
  };
  const gone = new Set<string>();
  const { graph } = model;
  for (const pack of packs) {
    b.input(pack.name, 'float32', pack.dims);
    const sizes = pack.tensors.map((t) => t.size);
    const flat = pack.tensors.length === 1 ? [pack.name] : pack.tensors.map((t) => `flat(${t.name})`);
    if (flat.length > 1) {
      if (opset < 13) node('Split', [pack.name], flat, { axis: 0, split: sizes });
      else node('Split', [pack.name, b.constant(tensor('', 'int64', [sizes.length], sizes))], flat, { axis: 0 });
    }
    pack.tensors.forEach((t, i) => {
      if (!graph.initializers.has(t.name) && !graph.inputs.some((v) => v.name === t.name))
        throw new OnnxError('unknown-tensor', `The graph has no parameter '${t.name}' to take out of a pack.`);
      gone.add(t.name);
      const dims = b.constant(tensor('', 'int64', [t.dims.length], t.dims));
      node('Reshape', [flat[i] as string, dims], [t.name]);
    });
  }
  const front = b.model().graph;
  return {
    ...model,
    graph: {
      ...graph,
      inputs: [...graph.inputs.filter((v) => !gone.has(v.name)), ...front.inputs],
      nodes: [...nodes, ...graph.nodes],
      initializers: new Map([...[...graph.initializers].filter(([name]) => !gone.has(name)), ...front.initializers]),
    },
  };
}

/** The values of the tensors, laid out as the pack has them. Throws `unknown-tensor` naming one that is missing. */
export function packed(pack: Pack, tensors: ReadonlyMap<string, Tensor>): Float32Array {
  const data = new Float32Array(pack.size);
  for (const { name, offset } of pack.tensors) {
    const found = tensors.get(name);
    if (!found) throw new OnnxError('unknown-tensor', `The graph has no initializer '${name}'.`);
    if (found.dataType === 'float32' && !found.external) new Uint8Array(data.buffer).set(found.data, offset * 4);
    else data.set(numbers(found), offset);
  }
  return data;
}

/** The tensors of a pack's values, by name. */
export function unpacked(pack: Pack, data: Float32Array): readonly Tensor[] {
  return pack.tensors.map(({ name, dims, offset, size }) => ({
    name,
    dataType: 'float32',
    dims,
    data: new Uint8Array(data.slice(offset, offset + size).buffer),
  }));
}

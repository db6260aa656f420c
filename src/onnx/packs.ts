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
  /** How its axes lie in the pack: the j-th there is axis `order[j]` of the tensor. Left out: as the tensor has them. */
  readonly order?: readonly number[];
}
/** Tensors that lie one behind the other in one vector: an optimizer's step is then a few nodes, however many there are. */
export interface Pack {
  /** Input of the graph, float32. */
  readonly name: string;
  readonly size: number;
  /** As the graph has it: a tensor that stands alone keeps its axes, in their order there; several are one vector. */
  readonly dims: readonly number[];
  readonly tensors: readonly Packed[];
}

/** Tensors from this size on stand alone: copying them in and out of a vector would cost more than the nodes that it saves. */
const ALONE = 1 << 17;

/** Lays out float32 tensors in vectors: the small ones together in one, in the order given. */
export function packsOf(tensors: readonly Pick<Packed, 'name' | 'dims' | 'order'>[]): readonly Pack[] {
  const packs: Pack[] = [];
  const small: Packed[] = [];
  let offset = 0;
  for (const t of tensors) {
    const size = elements(t.dims);
    if (size >= ALONE) {
      packs.push({ name: `pack(${t.name})`, size, dims: lyingDims(t), tensors: [{ ...t, offset: 0, size }] });
    } else {
      small.push({ ...t, offset, size });
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
      const dims = b.constant(tensor('', 'int64', [t.dims.length], lyingDims(t)));
      const lying = t.order ? `lying(${t.name})` : t.name;
      node('Reshape', [flat[i] as string, dims], [lying]);
      if (t.order) node('Transpose', [lying], [t.name], { perm: t.dims.map((_, axis) => t.order!.indexOf(axis)) });
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

/** Sizes of the axes as they lie in the pack. */
export const lyingDims = ({ dims, order }: Pick<Packed, 'dims' | 'order'>): readonly number[] =>
  order?.map((axis) => dims[axis]!) ?? dims;

/**
 * A pack's numbers, every tensor row-major with its axes as it has them, in the order in which they lie in the pack.
 * Answers `data` itself where all lie so already.
 */
export function lying(pack: Pack, data: Float32Array): Float32Array {
  const made = moves(pack) ? data.slice() : data;
  for (const t of pack.tensors)
    placesOf(t).forEach((own, k) => {
      made[t.offset + k] = data[own]!;
    });
  return made;
}
/** The other way round: from how they lie in the pack to how the tensors have their axes. */
export function unlying(pack: Pack, data: Float32Array): Float32Array {
  const made = moves(pack) ? data.slice() : data;
  for (const t of pack.tensors)
    placesOf(t).forEach((own, k) => {
      made[own] = data[t.offset + k]!;
    });
  return made;
}
const moves = (pack: Pack): boolean => pack.tensors.some((t) => t.order !== undefined);

/** Where in the pack each number of a tensor stood, if its axes lay as the tensor has them, in the order in which they lie. */
function placesOf({ dims, order, offset, size }: Packed): Int32Array {
  if (order === undefined) return new Int32Array(0);
  const places = new Int32Array(size);
  const sizes = order.map((axis) => dims[axis]!);
  const steps = order.map((axis) => elements(dims.slice(axis + 1)));
  const at = order.map(() => 0);
  let own = offset;
  for (let k = 0; k < size; k++) {
    places[k] = own;
    for (let j = order.length - 1; j >= 0; j--) {
      own += steps[j]!;
      if (++at[j]! < sizes[j]!) break;
      own -= steps[j]! * sizes[j]!;
      at[j] = 0;
    }
  }
  return places;
}

/** The values of the tensors, each as it has its axes, one behind the other as the pack has them. Throws `unknown-tensor` naming one that is missing. */
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

/** The tensors of a pack's values (see `packed`), by name. */
export function unpacked(pack: Pack, data: Float32Array): readonly Tensor[] {
  return pack.tensors.map(({ name, dims, offset, size }) => ({
    name,
    dataType: 'float32',
    dims,
    data: new Uint8Array(data.slice(offset, offset + size).buffer),
  }));
}

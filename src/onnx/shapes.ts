import { intAttribute } from './attributes.js';
import { OnnxError } from './error.js';
import { constantNumbers, producers } from './graph.js';
import { reads } from './order.js';
import { encodeModel } from './proto/encode.js';
import { tensor } from './tensor.js';
import type { DataType, Model, Node, Shapes, Tensor, TensorShape, ValueInfo } from './types.js';

/** What the injected runner is given: the model's bytes and one shape per input, to be filled with values of its choice. */
export type ShapeRunner = (
  bytes: Uint8Array[],
  feeds: ReadonlyMap<string, TensorShape>,
) => Promise<ReadonlyMap<string, { readonly dataType: DataType; readonly dims: readonly number[] }>>;

/** Every tensor that a node makes becomes an output too, so that a run shows its type and size. */
export function withAllOutputs(model: Model): Model {
  const known = new Set(model.graph.outputs.map((v) => v.name));
  const added: ValueInfo[] = [];
  for (const node of model.graph.nodes)
    for (const name of node.outputs) {
      if (name === '' || known.has(name)) continue;
      known.add(name);
      // No type is stated: what files say of intermediate tensors may be wrong, and runtimes infer it.
      added.push({ name, dataType: 'undefined', shape: null });
    }
  return { ...model, graph: { ...model.graph, outputs: [...model.graph.outputs, ...added], valueInfo: new Map() } };
}

export interface InputSizes {
  /** For a dynamic first dimension. 2 or more tells examples from other axes of size 1. */
  readonly batch: number;
  /** By name of a dynamic dimension; goes before all else. */
  readonly named?: Readonly<Record<string, number>>;
  /** Height and width of images whose size is dynamic; default 224. */
  readonly image?: number;
  /** Any other dynamic dimension (sequence length); default 16. */
  readonly length?: number;
}

/** Type and size of every input with its dynamic dimensions set. Throws `shape-unknown` where not even the rank is stated. */
export function inputShapes(model: Model, sizes: InputSizes): Shapes {
  return new Map(
    model.graph.inputs.map((v): [string, TensorShape] => {
      const { shape, dataType } = v;
      if (!shape || dataType === 'sequence' || dataType === 'map' || dataType === 'optional' || dataType === 'sparse')
        throw new OnnxError(
          'shape-unknown',
          `The input '${v.name}' states no size; export the model with the rank of its inputs.`,
        );
      const spatial = shape.length === 4 ? (sizes.image ?? 224) : (sizes.length ?? 16);
      const dims = shape.map((d, i) =>
        typeof d === 'number' ? d : (sizes.named?.[d] ?? (i === 0 ? sizes.batch : spatial)),
      );
      return [v.name, { dataType, dims }];
    }),
  );
}

/**
 * Type and size of every tensor, initializers included, by one run of the graph on inputs of the given shapes. `run` executes
 * a model (chunks of its file) on any values and answers the type and size of every output; this library reaches no runtime.
 */
export const measureShapes = (model: Model, inputs: Shapes, run: ShapeRunner): Promise<Shapes> =>
  measured(model, inputs, run, (exposed) => exposed);

async function measured(
  model: Model,
  inputs: Shapes,
  run: ShapeRunner,
  asRun: (exposed: Model) => Model,
): Promise<Shapes> {
  const exposed = withAllOutputs(model);
  const found = await run(encodeModel(asRun(exposed)), inputs);
  const shapes = new Map<string, TensorShape>(inputs);
  for (const { name, dataType, dims } of model.graph.initializers.values()) shapes.set(name, { dataType, dims });
  for (const [name, { dataType, dims }] of found) shapes.set(name, { dataType, dims });
  for (const { name } of exposed.graph.outputs)
    if (!shapes.has(name)) throw new OnnxError('shape-unknown', `The run did not tell the size of '${name}'.`);
  return shapes;
}

/** Weights of so many bytes are not worth carrying around to learn of sizes. */
const LARGE = 65536;
/** First opset of ConstantOfShape. */
const CONSTANT_OF_SHAPE = 9;
/** The model with zeros for its large float weights, made as it runs: no size depends on them. */
function withoutWeights(model: Model): Model {
  const { graph } = model;
  if ((model.opsets.get('') ?? 0) < CONSTANT_OF_SHAPE) return model;
  const stated = new Set([...graph.inputs, ...graph.outputs].map((v) => v.name));
  const large = [...graph.initializers.values()].filter(
    (t) => t.dataType === 'float32' && t.data.byteLength >= LARGE && !stated.has(t.name),
  );
  const initializers = new Map(graph.initializers);
  const zeros = large.map(({ name, dims }): Node => {
    initializers.delete(name);
    const size = `${name}/measured-size`;
    initializers.set(size, tensor(size, 'int64', [dims.length], dims));
    const node = { opType: 'ConstantOfShape', domain: '', inputs: [size], outputs: [name], attributes: new Map() };
    return { ...node, name: `${name}/zeros` };
  });
  return { ...model, graph: { ...graph, nodes: [...zeros, ...graph.nodes], initializers } };
}

/**
 * As `measureShapes`, for a batch that need not be run: two small batches are, and what grows with them is carried on in a
 * line; large weights are run as zeros. A model of a fixed batch is run at that. Only sizes are carried on: a model whose
 * sizes do not grow evenly with the batch is run at the batch asked for.
 */
export async function measureShapesFor(model: Model, sizes: InputSizes, run: ShapeRunner): Promise<Shapes> {
  const at = (batch: number): Promise<Shapes> =>
    measured(model, inputShapes(model, { ...sizes, batch }), run, withoutWeights);
  const direct = (): Promise<Shapes> => at(sizes.batch);
  if (sizes.batch <= 3) return direct();
  const [two, three] = [await at(2), await at(3)];
  const found = new Map<string, TensorShape>();
  for (const [name, { dataType, dims }] of two) {
    const other = three.get(name)?.dims;
    if (other?.length !== dims.length) return direct();
    found.set(name, {
      dataType,
      dims: dims.map((d, i) => d + ((other[i] as number) - d) * (sizes.batch - 2)),
    });
  }
  return found;
}

/**
 * The sizes of a model most of whose tensors have `known` ones: only the nodes that make others are run, on tensors of the
 * known sizes. Inputs of the model must be among them, and nodes that no runtime knows.
 */
export async function measureRest(model: Model, known: Shapes, run: ShapeRunner): Promise<Shapes> {
  const shapes = new Map(known);
  for (const { name, dataType, dims } of model.graph.initializers.values()) shapes.set(name, { dataType, dims });
  const nodes = model.graph.nodes.filter((node) => node.outputs.some((name) => name !== '' && !shapes.has(name)));
  if (nodes.length === 0) return shapes;
  const made = new Set(nodes.flatMap((node) => node.outputs));
  const needed = [...new Set(nodes.flatMap(reads))].filter((name) => !made.has(name));
  const initializers = new Map(needed.flatMap((name) => [...entry(model.graph.initializers, name)]));
  const inputs = needed
    .filter((name) => !initializers.has(name))
    .map((name): ValueInfo => {
      const shape = shapes.get(name);
      if (!shape) throw new OnnxError('shape-unknown', `The size of the tensor '${name}' is not known.`);
      return { name, dataType: shape.dataType, shape: shape.dims };
    });
  const graph = { ...model.graph, inputs, outputs: [], nodes, initializers, valueInfo: new Map() };
  const opsets = new Map([...model.opsets].filter(([domain]) => nodes.some((node) => node.domain === domain)));
  const rest = await measureShapes({ ...model, opsets, graph }, inputShapes({ ...model, graph }, { batch: 1 }), run);
  for (const [name, shape] of rest) shapes.set(name, shape);
  return shapes;
}
const entry = <V>(of: ReadonlyMap<string, V>, name: string): readonly (readonly [string, V])[] => {
  const value = of.get(name);
  return value === undefined ? [] : [[name, value]];
};

/**
 * Frees a model from a fixed number of examples: the first dimension of every input (and output) becomes `N`, and where the
 * number is written into the size of a Reshape, what is left for it (or, where another axis takes that, what its input has).
 * Right for networks that write it nowhere else; whether it holds, a run with two examples shows.
 */
export function withDynamicBatch(model: Model): Model {
  const free = (v: ValueInfo): ValueInfo =>
    v.shape && v.shape.length > 0 && !v.rawType ? { ...v, shape: ['N', ...v.shape.slice(1)] } : v;
  const { graph } = model;
  const fixed = graph.inputs[0]?.shape?.[0];
  const made = producers(graph);
  const sizes = new Map<string, Tensor>();
  const data = new Set(graph.inputs.map((v) => v.name));
  const nodes = graph.nodes.map((node) => {
    if (!reads(node).some((name) => data.has(name))) return node;
    for (const output of node.outputs) data.add(output);
    const size = node.opType === 'Reshape' ? constantNumbers(graph, made, node.inputs[1] ?? '') : null;
    if (size === null || size.length < 2 || size[0] !== fixed || intAttribute(node, 'allowzero', 0) !== 0) return node;
    const name = `${node.outputs[0]}/size`;
    sizes.set(name, tensor(name, 'int64', [size.length], [size.includes(-1) ? 0 : -1, ...size.slice(1)]));
    return { ...node, inputs: [node.inputs[0] as string, name] };
  });
  // Sizes of outputs may follow the old number anywhere, so only their types are kept.
  const outputs = graph.outputs.map((v): ValueInfo => (v.rawType ? v : { ...v, shape: null }));
  const initializers = new Map([...graph.initializers, ...sizes]);
  return {
    ...model,
    graph: { ...graph, inputs: graph.inputs.map(free), outputs, nodes, initializers, valueInfo: new Map() },
  };
}

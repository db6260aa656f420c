import { OnnxError } from './error.js';
import { encodeModel } from './proto/encode.js';
import type { DataType, Model, Shapes, TensorShape, ValueInfo } from './types.js';

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
export async function measureShapes(model: Model, inputs: Shapes, run: ShapeRunner): Promise<Shapes> {
  const exposed = withAllOutputs(model);
  const measured = await run(encodeModel(exposed), inputs);
  const shapes = new Map<string, TensorShape>(inputs);
  for (const { name, dataType, dims } of model.graph.initializers.values()) shapes.set(name, { dataType, dims });
  for (const [name, { dataType, dims }] of measured) shapes.set(name, { dataType, dims });
  for (const { name } of exposed.graph.outputs)
    if (!shapes.has(name)) throw new OnnxError('shape-unknown', `The run did not tell the size of '${name}'.`);
  return shapes;
}

/**
 * As `measureShapes`, for a batch that need not be run: two small batches are, and what grows with them is carried on in a
 * line. A model of a fixed batch is run as it is. Only sizes are carried on: a model whose sizes do not grow evenly with
 * the batch is run at the batch asked for.
 */
export async function measureShapesFor(model: Model, sizes: InputSizes, run: ShapeRunner): Promise<Shapes> {
  const direct = (): Promise<Shapes> => measureShapes(model, inputShapes(model, sizes), run);
  if (sizes.batch <= 3) return direct();
  const at = (batch: number): Promise<Shapes> => measureShapes(model, inputShapes(model, { ...sizes, batch }), run);
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

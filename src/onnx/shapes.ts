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

/** Shapes of the inputs, dynamic dimensions set: by name, else the first of an input is `batch`, any other is an error. */
export function inputShapes(
  model: Model,
  sizes: { readonly batch: number; readonly named?: Readonly<Record<string, number>> },
): Shapes {
  return new Map(
    model.graph.inputs.map((v): [string, TensorShape] => {
      if (
        !v.shape ||
        v.dataType === 'sequence' ||
        v.dataType === 'map' ||
        v.dataType === 'optional' ||
        v.dataType === 'sparse'
      )
        throw new OnnxError(
          'shape-unknown',
          `The input '${v.name}' states no size; export the model with the rank of its inputs.`,
        );
      const dims = v.shape.map((d, i) => {
        if (typeof d === 'number') return d;
        const size = sizes.named?.[d] ?? (i === 0 ? sizes.batch : undefined);
        if (size === undefined)
          throw new OnnxError(
            'shape-unknown',
            `Dimension ${i} ('${d}') of the input '${v.name}' is dynamic; give its size.`,
          );
        return size;
      });
      return [v.name, { dataType: v.dataType, dims }];
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

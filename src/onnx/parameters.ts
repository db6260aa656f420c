import { OnnxError } from './error.js';
import type { Model, Tensor, ValueInfo } from './types.js';

function initializer(model: Model, name: string): Tensor {
  const found = model.graph.initializers.get(name);
  if (!found) throw new OnnxError('unknown-tensor', `The graph has no initializer '${name}'.`);
  return found;
}

/** Turns initializers into inputs, so that a training step can be fed their newest values. */
export function initializersAsInputs(model: Model, names: readonly string[]): Model {
  const inputs = names.map((name): ValueInfo => {
    const { dataType, dims } = initializer(model, name);
    return { name, dataType, shape: dims };
  });
  const gone = new Set(names);
  return {
    ...model,
    graph: {
      ...model.graph,
      inputs: [...model.graph.inputs, ...inputs],
      initializers: new Map([...model.graph.initializers].filter(([name]) => !gone.has(name))),
    },
  };
}

/** The model with other data in some initializers; type and size must stay. */
export function withInitializers(model: Model, changed: ReadonlyMap<string, Tensor>): Model {
  const initializers = new Map(model.graph.initializers);
  for (const [name, tensor] of changed) {
    const old = initializer(model, name);
    if (old.dataType !== tensor.dataType || old.dims.join() !== tensor.dims.join())
      throw new OnnxError(
        'invalid-argument',
        `'${name}' is ${old.dataType}[${old.dims}]; ${tensor.dataType}[${tensor.dims}] cannot take its place.`,
      );
    initializers.set(name, { ...tensor, name });
  }
  return { ...model, graph: { ...model.graph, initializers } };
}

import { graphBuilder, type Model } from '../../../src/onnx/index.js';
import { drawsOf, PURPOSE } from '../../data/augment/draws.js';
import type { HostTensor } from '../../executors/executor.js';

/** Input of a pass: [examples, features], 0 or 1 / (1 - rate). Drawn here, so that a resumed run draws the same. */
export const DROPOUT_MASK = 'dropout_mask';

export interface Dropout {
  /** Share of a text's or picture's features that the head does not see. */
  readonly rate: number;
  readonly seed: number;
}

/** The network with the features that its head reads multiplied by the mask. */
export function withDropout(network: Model, features: number): Model {
  const b = graphBuilder({ from: network, prefix: 'dropout/' });
  b.input(DROPOUT_MASK, 'float32', ['N', features]);
  const { graph, ...model } = b.model();
  const head = graph.nodes.find((node) => node.outputs[0] === 'logits')!;
  const dropped = 'dropout/features';
  const mul = { name: dropped, opType: 'Mul', domain: '', inputs: [head.inputs[0]!, DROPOUT_MASK], outputs: [dropped] };
  const nodes = graph.nodes.flatMap((node) =>
    node === head
      ? [
          { ...node, ...mul, attributes: new Map() },
          { ...node, inputs: [dropped, ...node.inputs.slice(1)] },
        ]
      : [node],
  );
  return { ...model, graph: { ...graph, nodes } };
}

/** The mask of `rows` examples from the `first` of a step's batch on; the same for the same step. */
export function dropoutMask(
  { rate, seed }: Dropout,
  step: number,
  first: number,
  dims: readonly [rows: number, features: number],
): HostTensor {
  const [rows, features] = dims;
  const data = new Float32Array(rows * features);
  const kept = 1 / (1 - rate);
  for (let row = 0; row < rows; row++) {
    const next = drawsOf(seed, step, first + row, PURPOSE.dropout);
    for (let i = 0; i < features; i++) data[row * features + i] = next() < rate ? 0 : kept;
  }
  return { dataType: 'float32', dims, data };
}

import type { Engine } from '../../../src/domain/types.js';
import { elements, type Model, type Pack, type Shapes, type Statistic } from '../../../src/onnx/index.js';

/** Bytes that a run takes at its peak, by what takes them. */
export interface Memory {
  /** The process with the engine and the compiled graphs. */
  readonly process: number;
  /** The trained numbers and their gradients. */
  readonly parameters: number;
  /** Moments, averages, sums, and the copies that a step and a checkpoint make. */
  readonly optimizer: number;
  /** What a pass makes on its way, kept for the way back. */
  readonly activations: number;
  /** Pictures that are kept decoded, and batches under way. */
  readonly pictures: number;
}
/** For a person to read; rounded up. */
export const mib = (bytes: number): number => Math.ceil(bytes / 2 ** 20);
export const totalOf = (m: Memory): number => m.process + m.parameters + m.optimizer + m.activations + m.pictures;

/** TensorFlow's library takes as much again as all else. */
const PROCESS_BYTES = { onnxruntime: 256 * 1024 * 1024, tensorflow: 512 * 1024 * 1024 };

/**
 * Estimated bytes of a training pass and step, from measured shapes. The forward pass's tensors are kept for the way back, and
 * the largest of them is there a few times over while its gradient is made. Every trained number is kept as it began and has a gradient; parameters and
 * moments exist twice while a checkpoint is written; the best weights are kept beside.
 */
export function stepMemory(
  shapes: Shapes,
  forward: Model,
  packs: readonly Pack[],
  statistics: readonly Statistic[],
  o: {
    readonly optimizer: 'adamw' | 'sgd';
    readonly accumulates: boolean;
    readonly averages: boolean;
    readonly engine: Engine['executor'];
  },
): Memory {
  const bytes = (name: string): number => {
    const s = shapes.get(name);
    return s === undefined ? 0 : 4 * elements(s.dims);
  };
  const made = forward.graph.nodes.flatMap((n) => n.outputs).map(bytes);
  const numbers = packs.reduce((n, p) => n + p.size, 0) + statistics.reduce((n, s) => n + elements(s.dims), 0);
  const moments = o.optimizer === 'adamw' ? 2 : 1;
  const kept = 1 + (o.accumulates ? 1 : 0) + (o.averages ? 1 : 0);
  return {
    process: PROCESS_BYTES[o.engine],
    parameters: 4 * numbers * 3,
    optimizer: 4 * numbers * (2 * moments + kept),
    activations: made.reduce((a, x) => a + x, 0) + 3 * Math.max(0, ...made),
    pictures: 0,
  };
}

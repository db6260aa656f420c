import { permutation, random } from '../../src/tasks/random.js';
import type { HeadData } from './head-data.js';
import type { HeadBatch } from './head-graph.js';

/** Weight of an example in a head's loss; 0 where the head must not see it. */
export type Weigh = (row: number, config: number) => number;

/**
 * The batches of an epoch, for ever: every epoch in another order drawn from the seed, the last batch filled up with
 * rows of weight 0. Where a batch holds everything there is one, made once.
 */
export function batches(o: {
  readonly data: HeadData;
  readonly size: number;
  readonly configs: number;
  readonly seed: number;
  readonly weigh: Weigh;
}): { readonly perEpoch: number; epoch(index: number): Iterable<HeadBatch> } {
  const { data, size, configs } = o;
  const { n, width } = data;
  const perEpoch = Math.ceil(n / size);
  const labels = new BigInt64Array(size * configs);
  const sampleWeight = new Float32Array(size * configs);
  const own = perEpoch === 1 && size === n ? data.features : new Float32Array(size * width);

  function fill(order: ArrayLike<number> | null, from: number): HeadBatch {
    const count = Math.min(size, n - from);
    sampleWeight.fill(0);
    labels.fill(0n);
    const totals = new Float64Array(configs);
    for (let i = 0; i < count; i++) {
      const row = order === null ? from + i : order[from + i]!;
      if (own !== data.features) own.set(data.features.subarray(row * width, (row + 1) * width), i * width);
      const label = BigInt(data.labels[row]!);
      for (let k = 0; k < configs; k++) {
        const weight = o.weigh(row, k);
        labels[i * configs + k] = label;
        sampleWeight[i * configs + k] = weight;
        totals[k]! += weight;
      }
    }
    // Each head's weights sum to one, so that its loss is a mean over the examples that it sees.
    for (let i = 0; i < count; i++)
      for (let k = 0; k < configs; k++) {
        const at = i * configs + k;
        sampleWeight[at] = totals[k]! > 0 ? sampleWeight[at]! / totals[k]! : 0;
      }
    return { features: own, labels, sampleWeight };
  }

  const whole = perEpoch === 1 ? fill(null, 0) : null;
  return {
    perEpoch,
    *epoch(index) {
      if (whole !== null) {
        yield whole;
        return;
      }
      const order = permutation(n, random(o.seed * 7919 + index + 1));
      for (let at = 0; at < n; at += size) yield fill(order, at);
    },
  };
}

import type { TextInput } from '../../../src/domain/types.js';
import type { ValueInfo } from '../../../src/onnx/index.js';
import { textFeeds } from '../../data/text/batches.js';
import type { Feeds, HostTensor, TensorData } from '../../executors/executor.js';

/** How the rows of a pass become what the network takes in. */
export interface PassInput {
  /** Of the rows together: [examples, ...numbers of one]. */
  readonly dims: readonly number[];
  feeds(data: TensorData): Feeds;
}

/** In rows of token ids: nothing more of the text. */
export const PADDING = -1;

/** Rows that are one input as they are: pixels, or what a frozen part said. */
export function plainInput(name: string, dataType: HostTensor['dataType'], dims: readonly number[]): PassInput {
  return { dims, feeds: (data) => ({ [name]: { dataType, dims, data } }) };
}

/** Rows of token ids, int32 [examples, length] ending in `PADDING`, which become ids, mask and types of the network. */
export function tokenInput(
  inputs: readonly ValueInfo[],
  text: TextInput,
  [examples, length]: readonly [examples: number, length: number],
): PassInput {
  const rows = Array.from({ length: examples }, (_, i) => i);
  return {
    dims: [examples, length],
    feeds(data) {
      const ids = new Int32Array(data.length);
      const starts = new Int32Array(examples + 1);
      let filled = 0;
      for (const row of rows) {
        for (let at = row * length; at < (row + 1) * length && data[at] !== PADDING; at++)
          ids[filled++] = Number(data[at]);
        starts[row + 1] = filled;
      }
      return textFeeds(inputs, text, { ids, starts }, { rows, length });
    },
  };
}

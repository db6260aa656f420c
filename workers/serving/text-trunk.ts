import type { InferenceSession, Tensor } from 'onnxruntime-node';
import type { TextInput } from '../../src/domain/types.js';
import { textFeeds } from '../data/text/batches.js';
import { tensorOf } from '../executors/onnxruntime-tensors.js';
import type { LoadedTrunk } from './loaded-trunk.js';

/** What a pass of a small encoder takes, roughly. */
const WORKING_BYTES = 32 * 1024 * 1024;

/** A trunk for rows of token ids, all of a run padded to one length, as they were in training. `bytes` is its file's size. */
export function textTrunk(session: InferenceSession, bytes: number, text: TextInput): LoadedTrunk {
  const inputs = session.inputMetadata.map((input) => {
    if (!input.isTensor) throw new Error(`the trunk's input '${input.name}' is no tensor`);
    return { name: input.name, dataType: input.type, length: input.shape[1] };
  });
  const [output] = session.outputNames as [string];
  const stated = inputs[0]?.length;
  const fixed = typeof stated === 'number' && stated > 0 ? stated : null;
  return {
    takes: { kind: 'text', tokens: { most: Math.min(text.maxLength, fixed ?? Number.POSITIVE_INFINITY), fixed } },
    bytes: bytes + WORKING_BYTES,
    async features({ count, tokens }) {
      if (tokens === undefined) throw new Error('the trunk takes rows of token ids');
      const rows = Array.from({ length: count }, (_, row) => row);
      const feeds = Object.entries(textFeeds(inputs, text, tokens, { rows, length: tokens.length }));
      const tensors = Object.fromEntries(feeds.map(([name, fed]) => [name, tensorOf(fed)]));
      const data = ((await session.run(tensors, [output]))[output] as Tensor).data as Float32Array;
      return { data, width: data.length / count };
    },
    release: () => session.release(),
  };
}

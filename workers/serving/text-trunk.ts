import { InferenceSession, type Tensor } from 'onnxruntime-node';
import type { TextInput } from '../../src/domain/types.js';
import { decodeModel, decodeTensors, encodeModel } from '../../src/onnx/index.js';
import { textTrunk as composed } from '../../src/tasks/text-classification/compose.js';
import { textFeeds } from '../data/text/batches.js';
import { tensorOf } from '../executors/onnxruntime.js';
import type { TrunkFiles } from './engine-messages.js';
import { type LoadedTrunk, SPINNING_OFF } from './loaded-trunk.js';

/** What a pass of a small encoder takes, roughly. */
const WORKING_BYTES = 32 * 1024 * 1024;

/** A trunk for rows of token ids, all of a run padded to one length, as they were in training. */
export async function textTrunk(
  files: TrunkFiles,
  { cut, threads }: { readonly cut: string; readonly threads: number },
  text: TextInput,
): Promise<LoadedTrunk> {
  const { file, inputs } = graphOf(files, cut, text);
  const session = await InferenceSession.create(file, { intraOpNumThreads: threads, extra: SPINNING_OFF });
  const bytes = 2 * file.byteLength + WORKING_BYTES;
  return loaded(session, inputs, text, bytes);
}

/** The trunk's file. What it was made of is let go with this function: closures would keep the weights. */
function graphOf({ base, changed }: TrunkFiles, cut: string, text: TextInput) {
  const model = composed(decodeModel(base), cut, text, changed === null ? null : decodeTensors(changed));
  const inputs = model.graph.inputs.map(({ name, dataType, shape }) => ({ name, dataType, shape }));
  return { file: Buffer.concat(encodeModel(model)), inputs };
}

function loaded(
  session: InferenceSession,
  inputs: ReturnType<typeof graphOf>['inputs'],
  text: TextInput,
  bytes: number,
): LoadedTrunk {
  const [output] = session.outputNames as [string];
  const stated = inputs[0]?.shape?.[1];
  const fixed = typeof stated === 'number' ? stated : null;
  return {
    takes: { kind: 'text', tokens: { most: Math.min(text.maxLength, fixed ?? Number.POSITIVE_INFINITY), fixed } },
    bytes,
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

import { parentPort } from 'node:worker_threads';
import { decodeModel, decodeTensors, encodeModel } from '../../src/onnx/index.js';
import { pixelTrunk } from '../../src/tasks/image-classification/compose.js';
import { textTrunk } from '../../src/tasks/text-classification/compose.js';
import type { Composed, TrunkFiles } from './engine-messages.js';

/** Puts the graph of a trunk together, once for all engines; what that takes in memory ends with this thread. */
const port = parentPort;
if (port === null) throw new Error('compose-thread is started by composeTrunk');

function composed({ base, changed, cut, input }: TrunkFiles): Uint8Array<ArrayBuffer> {
  const model = decodeModel(base);
  const tensors = changed === null ? null : decodeTensors(changed);
  const trunk =
    input.kind === 'image'
      ? pixelTrunk(model, cut, input.preprocessing, tensors)
      : textTrunk(model, cut, input.text, tensors);
  const chunks = encodeModel(trunk);
  // Not `Buffer.concat`, whose small ones lie in memory that cannot be moved.
  const file = new Uint8Array(chunks.reduce((bytes, chunk) => bytes + chunk.length, 0));
  chunks.reduce((at, chunk) => {
    file.set(chunk, at);
    return at + chunk.length;
  }, 0);
  return file;
}

port.once('message', (files: TrunkFiles) => {
  try {
    const file = composed(files);
    port.postMessage({ file } satisfies Composed, [file.buffer]);
  } catch (error) {
    port.postMessage({ unusable: `The model cannot be loaded: ${(error as Error).message}` } satisfies Composed);
  }
});

import { type InferenceSession, Tensor } from 'onnxruntime-node';
import type { Preprocessing } from '../../src/domain/types.js';
import type { EngineSpec } from './engine-messages.js';
import type { LoadedTrunk } from './loaded-trunk.js';

const MAX_BATCH = 16;

/**
 * A trunk for decoded pictures, which are handed over in shared memory. `bytes` is its file's size. Throws where the graph takes
 * something else.
 */
export function pictureTrunk(
  session: InferenceSession,
  bytes: number,
  { maxPixels }: Pick<EngineSpec, 'maxPixels'>,
  preprocessing: Preprocessing,
): LoadedTrunk {
  const input = session.inputMetadata[0];
  if (session.inputNames.length !== 1 || !input?.isTensor || input.type !== 'uint8' || input.shape.length !== 4)
    throw new Error(`the trunk must take one uint8 image input; it takes ${session.inputNames.join(', ')}`);
  const { crop } = preprocessing;
  const channels = preprocessing.channels === 'GRAY' ? 1 : 3;
  const [stated] = input.shape;
  const fixedBatch = typeof stated === 'number' && stated > 0 ? stated : null;
  const batch = fixedBatch ?? Math.min(MAX_BATCH, Math.max(1, Math.floor(maxPixels / (crop * crop))));
  const memory = new SharedArrayBuffer(batch * crop * crop * channels);
  const shape = [crop, crop, channels] as const;
  const pixels = new Uint8Array(memory);
  const [name] = session.inputNames as [string];
  const [output] = session.outputNames as [string];
  return {
    takes: { kind: 'image', batch, pixels: { shape, memory } },
    // onnxruntime's copy of the weights, packed for its kernels too, and the first batch's activations, roughly.
    bytes: 2 * bytes + 8 * memory.byteLength,
    async features({ count }) {
      const rows = fixedBatch ?? count;
      // onnxruntime-node takes no shared memory, hence the copy.
      const images = new Tensor('uint8', pixels.slice(0, rows * crop * crop * channels), [rows, ...shape]);
      const features = (await session.run({ [name]: images }, [output]))[output] as Tensor;
      const data = features.data as Float32Array;
      return { data, width: data.length / (features.dims[0] as number) };
    },
    release: () => session.release(),
  };
}

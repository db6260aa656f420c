import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { EngineSpec, TrunkFiles, TrunkInput } from './engine-messages.js';
import { type LoadedTrunk, SPINNING_OFF } from './loaded-trunk.js';
import { pictureGraph } from './trunk-graph.js';

const MAX_BATCH = 16;

/** A trunk for decoded pictures, which are handed over in shared memory. Throws where the graph takes something else. */
export async function pictureTrunk(
  files: TrunkFiles,
  spec: EngineSpec,
  { preprocessing }: Extract<TrunkInput, { kind: 'image' }>,
): Promise<LoadedTrunk> {
  const graph = pictureGraph(files.base, spec.cut, preprocessing, files.changed);
  const session = await InferenceSession.create(graph, { intraOpNumThreads: spec.threads, extra: SPINNING_OFF });
  const input = session.inputMetadata[0];
  if (session.inputNames.length !== 1 || !input?.isTensor || input.type !== 'uint8' || input.shape.length !== 4)
    throw new Error(`the trunk must take one uint8 image input; it takes ${session.inputNames.join(', ')}`);
  const { crop } = preprocessing;
  const channels = preprocessing.channels === 'GRAY' ? 1 : 3;
  const [stated] = input.shape;
  const fixedBatch = typeof stated === 'number' && stated > 0 ? stated : null;
  const batch = fixedBatch ?? Math.min(MAX_BATCH, Math.max(1, Math.floor(spec.maxPixels / (crop * crop))));
  const memory = new SharedArrayBuffer(batch * crop * crop * channels);
  const shape = [crop, crop, channels] as const;
  const pixels = new Uint8Array(memory);
  const [name] = session.inputNames as [string];
  const [output] = session.outputNames as [string];
  return {
    takes: { kind: 'image', batch, pixels: { shape, memory } },
    // The file, onnxruntime's own copy of it in its layout, and the first batch's activations, roughly.
    bytes: 2 * graph.byteLength + 8 * memory.byteLength,
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

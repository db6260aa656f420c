import type { Preprocessing } from '../../src/domain/types.js';
import { decodeModel, decodeTensors, encodeModel } from '../../src/onnx/index.js';
import { pixelTrunk } from '../../src/tasks/image-classification/compose.js';

/** The graph of a trunk for pictures as it is run here: uint8 pixels in, `[N, features]` out, as the bytes of an ONNX file. */
export function pictureGraph(
  base: Uint8Array,
  cut: string,
  preprocessing: Preprocessing,
  changed: Uint8Array | null,
): Uint8Array {
  const tensors = changed === null ? null : decodeTensors(changed);
  return Buffer.concat(encodeModel(pixelTrunk(decodeModel(base), cut, preprocessing, tensors)));
}

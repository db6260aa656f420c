import type { Preprocessing } from '../../domain/types.js';
import { featureTrunk, type Model, OnnxError } from '../../onnx/index.js';
import { type Changed, cutBase, fileComposer, floatOutput, withHead } from '../compose.js';
import { withPixelInput } from './pixel-input.js';

/**
 * The part of a base below the head: image in, `[N, features]` float32 out, its only output. Where the cut is a map or a
 * sequence of tokens, these are averaged. A file exported while it trained is turned to inference. Half precision becomes
 * single: processors compute in it anyway, converting around every operator, and a file in float32 with a float32 input runs
 * everywhere. Pure: the same base and cut give the same graph in trainer, prediction and export.
 * `changed` are tensors of the base that a training gave other values (float32).
 * Throws `unknown-tensor`, or `invalid-argument` where the part has another input than the image.
 */
export function imageTrunk(base: Model, at: string, changed: Changed = null): Model {
  const trunk = featureTrunk(cutBase(base, at, changed), { tensor: at });
  const { inputs } = trunk.graph;
  if (inputs.length !== 1)
    throw new OnnxError(
      'invalid-argument',
      `Features of an image are computed from one input; cut at '${at}', the model needs ${inputs.map((v) => `'${v.name}'`).join(', ')}. Choose another cut.`,
    );
  return floatOutput(trunk);
}

/** `imageTrunk` fed with decoded pixels: uint8 [N, crop, crop, C] in, float32 [N, features] out. */
export function pixelTrunk(base: Model, at: string, preprocessing: Preprocessing, changed: Changed = null): Model {
  return fedPixels(imageTrunk(base, at, changed), preprocessing);
}

/** The network, whose only input is an image, fed with decoded pixels instead. */
export const fedPixels = (network: Model, preprocessing: Preprocessing): Model =>
  withPixelInput(network, network.graph.inputs[0]!.name, preprocessing);

export interface ImageExportOptions {
  readonly cut: string;
  readonly labels: readonly string[];
  readonly preprocessing: Preprocessing;
  /** What the file says of itself: name, id, licence of the base, ... Written into `metadata_props` as they are. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** In an order of its own: the database keeps the fields of an object in another order than they were written in. */
function preprocessingJson({ resize, crop, layout, channels, scale, mean, std }: Preprocessing): string {
  return JSON.stringify({ resize, crop, layout, channels, scale, mean, std });
}

/**
 * The whole model: the base's own float input, outputs `probabilities` [N, classes] first, then `logits`. How to prepare
 * images and what the classes are called travel in `metadata_props`, as JSON under `preprocessing` and `labels`.
 * Pure and deterministic. `head` is a graph `features -> logits, probabilities`.
 */
export function composeModel(base: Model, head: Model, o: ImageExportOptions, changed: Changed = null): Model {
  return withHead(imageTrunk(base, o.cut, changed), head, {
    task: 'image-classification',
    preprocessing: preprocessingJson(o.preprocessing),
    labels: JSON.stringify(o.labels),
    ...o.metadata,
  });
}

/** `composeModel` as one plain ONNX file, in chunks: the same base, head and options give the same bytes. */
export const composeExport = fileComposer(composeModel);

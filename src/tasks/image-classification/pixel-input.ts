import type { Preprocessing } from '../../domain/types.js';
import { DATA_TYPES, type DataType, graft, graphBuilder, type Model, OnnxError, tensor } from '../../onnx/index.js';

/** Name of the uint8 input that `withPixelInput` gives a graph. */
export const PIXELS = 'pixels';

/** Channels of a decoded image: GRAY has one, everything else arrives as RGB (BGR is swapped inside the graph). */
export const channelsOf = (p: Pick<Preprocessing, 'channels'>): 1 | 3 => (p.channels === 'GRAY' ? 1 : 3);

/**
 * The model fed with pixels as they come from the decoder: its float input `inputName` is replaced by `pixels`, uint8
 * [N, crop, crop, C] in RGB order (C = 1 for GRAY), and (pixel * scale - mean) / std, the channel order and the layout
 * become nodes of the graph. So a worker moves one byte a channel instead of four, and every consumer computes the same.
 * An exported model keeps the base's own float input instead; see `composeExport`.
 */
export function withPixelInput(model: Model, inputName: string, p: Preprocessing): Model {
  const input = model.graph.inputs.find((v) => v.name === inputName);
  if (!input)
    throw new OnnxError(
      'unknown-tensor',
      `The model has no input '${inputName}'; it has ${model.graph.inputs.map((v) => `'${v.name}'`).join(', ')}.`,
    );
  const channels = channelsOf(p);
  const b = graphBuilder({ opset: model.opsets.get('') ?? 0, name: 'pixels', prefix: 'pixels/' });
  let x = b.input(PIXELS, 'uint8', [input.shape?.[0] ?? 'N', p.crop, p.crop, channels]);
  // Bytes are reordered before they become floats: a quarter of the memory traffic.
  if (p.channels === 'BGR') x = b.op('Gather', [x, b.constant(tensor('', 'int64', [3], [2, 1, 0]))], { axis: 3 });
  if (p.layout === 'NCHW') x = b.op('Transpose', [x], { perm: [0, 3, 1, 2] });
  x = b.op('Cast', [x], { to: DATA_TYPES.indexOf('float32') });
  const dims = p.layout === 'NCHW' ? [channels, 1, 1] : [channels];
  const perChannel = (of: (c: number) => number): readonly number[] =>
    Array.from({ length: channels }, (_, c) => of(c));
  const at = (list: readonly number[], c: number, otherwise: number): number => list[c] ?? list.at(-1) ?? otherwise;
  const factor = perChannel((c) => p.scale / at(p.std, c, 1));
  const shift = perChannel((c) => -at(p.mean, c, 0) / at(p.std, c, 1));
  if (factor.some((f) => f !== 1)) x = b.op('Mul', [x, b.constant(tensor('', 'float32', dims, factor))]);
  if (shift.some((s) => s !== 0)) x = b.op('Add', [x, b.constant(tensor('', 'float32', dims, shift))]);
  const wanted = input.dataType as DataType;
  if (wanted !== 'float32') x = b.op('Cast', [x], { to: DATA_TYPES.indexOf(wanted) });
  b.output(x, wanted, null);
  return graft(b.model(), model, { from: x, to: inputName });
}

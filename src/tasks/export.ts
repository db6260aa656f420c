import type { Model } from '../domain/types.js';
import { originOf } from './compose.js';
import { composeExport as composeImage, type ImageExportOptions } from './image-classification/compose.js';
import { composeExport as composeText, type TextExportOptions } from './text-classification/compose.js';

export type ExportOptions = ImageExportOptions | TextExportOptions;

/** The whole model as one plain ONNX file, in chunks, of any task. Pure and deterministic. */
export function composeExport(
  base: Uint8Array,
  head: Uint8Array,
  o: ExportOptions,
  changed: Uint8Array | null = null,
): Uint8Array[] {
  return 'text' in o ? composeText(base, head, o, changed) : composeImage(base, head, o, changed);
}

/** `ExportOptions` of a stored model: what `model.onnx` is made of besides base and head, so that its digest never changes. */
export function exportOptions(
  model: Pick<Model, 'id' | 'name' | 'cut' | 'labels' | 'preprocessing' | 'text' | 'base'>,
): ExportOptions {
  const { cut, labels, preprocessing, text } = model;
  const common = { cut, labels, metadata: originOf(model) };
  if (text !== null) return { ...common, text };
  if (preprocessing !== null) return { ...common, preprocessing };
  throw new Error(`the model ${model.id} says neither how pictures nor how texts are prepared`);
}

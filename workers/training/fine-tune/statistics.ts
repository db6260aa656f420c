import { type Model, OnnxError, type Shapes } from '../../../src/onnx/index.js';

/** A running mean or variance that a training step brings up to date: fed as `input`, given out as `output`. */
export interface Statistic {
  readonly input: string;
  readonly output: string;
  readonly dims: readonly number[];
}

export function withLiveStatistics(
  _model: Model,
  _shapes: Shapes,
): { readonly model: Model; readonly statistics: readonly Statistic[] } {
  throw new OnnxError('invalid-argument', 'live batch statistics are not there yet');
}

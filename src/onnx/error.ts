/** Every failure of this library. `code` is stable; `detail` says what, where and how to mend it. */
export type OnnxErrorCode =
  | 'truncated'
  | 'malformed'
  | 'not-onnx'
  | 'cyclic'
  | 'unknown-tensor'
  | 'unsupported-type'
  | 'opset-incompatible'
  | 'operator-not-differentiable'
  | 'operator-unsupported'
  | 'shape-unknown'
  | 'invalid-argument'
  | 'external-data';

export class OnnxError extends Error {
  override readonly name = 'OnnxError';
  constructor(
    readonly code: OnnxErrorCode,
    readonly detail: string,
  ) {
    super(`${code}: ${detail}`);
  }
}

import { createRequire } from 'node:module';

/** Numbers of TF_DataType (tensorflow/c/tf_datatype.h) that the engine uses. */
export const TF = {
  float: 1,
  double: 2,
  int32: 3,
  uint8: 4,
  int16: 5,
  int8: 6,
  string: 7,
  int64: 9,
  bool: 10,
  bfloat16: 14,
  uint16: 17,
  half: 19,
  uint32: 22,
  uint64: 23,
} as const;
/** Numbers of TF_AttrType (tensorflow/c/tf_attrtype.h). */
export const ATTRIBUTE = { string: 0, int: 1, float: 2, bool: 3, type: 4, shape: 5 } as const;

export interface KernelAttribute {
  readonly name: string;
  readonly type: number;
  readonly value: string | number | boolean | readonly number[];
}
export interface KernelResult {
  readonly id: number;
  readonly shape: readonly number[];
  readonly dtype: number;
}
/**
 * What is used of the native addon of `@tensorflow/tfjs-node-gpu`. Every call blocks the thread it is made on. A misspelled
 * attribute is passed over in silence: calls go through `kernels.ts`, which knows the names.
 */
export interface Addon {
  readonly TF_Version: string;
  readonly isUsingGpuDevice: () => boolean;
  /** int64 takes an Int32Array of twice the length. May go on using the array's memory. */
  createTensor(shape: readonly number[], dtype: number, data: Float32Array | Int32Array | Uint8Array): number;
  deleteTensor(id: number): void;
  /** float, int32, bool (Uint8Array), int64 (BigInt64Array); other types throw. A copy. */
  tensorDataSync(id: number): Float32Array | Int32Array | Uint8Array | BigInt64Array;
  executeOp(
    name: string,
    attributes: readonly KernelAttribute[],
    inputs: readonly number[],
    outputs: number,
  ): readonly KernelResult[];
  getNumOfTensors(): number;
  /** Loads a folder's `saved_model.pb`; answers the session's number. */
  loadSavedModel(folder: string, tags: string): number;
  /** Runs a session on tensors, whose names (`node:output`) and those of the results are joined by commas. */
  runSavedModel(session: number, inputs: readonly number[], names: string, results: string): readonly KernelResult[];
  deleteSavedModel(session: number): void;
}

/** Loads the library into this process. Throws the loader's words where it cannot. */
export function loadAddon(path: string): Addon {
  return createRequire(import.meta.url)(path) as Addon;
}

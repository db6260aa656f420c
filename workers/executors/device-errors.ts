/**
 * The device that an engine computes on does not answer any more: a GPU that fell off the bus, was reset, or whose context a
 * kernel broke. What lay on it is gone and this process cannot get it back; another one, on what is left, can go on.
 */
export class DeviceLost extends Error {
  override readonly name = 'DeviceLost';
}
/** The device's memory does not hold what a kernel makes. The device goes on, and what lies on it stays. */
export class DeviceFull extends Error {
  override readonly name = 'DeviceFull';
}

/**
 * What CUDA and its libraries say through TensorFlow of a device that is gone. Memory that is short and arguments that are
 * wrong are not among it: there the device goes on.
 */
const LOST = [
  /CUDA_ERROR_(?!OUT_OF_MEMORY|INVALID_VALUE|NOT_SUPPORTED)\w+/,
  /CU(DNN|BLAS)_STATUS_(EXECUTION_FAILED|INTERNAL_ERROR)\w*/,
  /GPU sync failed|Failed to synchronize|device-side assert|unspecified launch failure|an illegal memory access/i,
];
/** What TensorFlow's allocators and CUDA say of memory that is short. */
const FULL = [/OOM when allocating tensor/, /CUDA_ERROR_OUT_OF_MEMORY/, /CU(DNN|BLAS)_STATUS_ALLOC_FAILED/];

/** As `DeviceLost` or `DeviceFull`, with the same words, where an error says so of the device; else the error itself. */
export function asDeviceError(error: unknown): unknown {
  const message = error instanceof Error ? error.message : String(error);
  if (FULL.some((words) => words.test(message))) return new DeviceFull(message, { cause: error });
  return LOST.some((words) => words.test(message)) ? new DeviceLost(message, { cause: error }) : error;
}

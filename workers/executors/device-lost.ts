/**
 * The device that an engine computes on does not answer any more: a GPU that fell off the bus, was reset, or whose context a
 * kernel broke. What lay on it is gone and this process cannot get it back; another one, on what is left, can go on.
 */
export class DeviceLost extends Error {
  override readonly name = 'DeviceLost';
}

/**
 * What CUDA and its libraries say through TensorFlow of a device that is gone. Memory that is short and arguments that are
 * wrong are not among it: there the device goes on.
 */
const SAYS = [
  /CUDA_ERROR_(?!OUT_OF_MEMORY|INVALID_VALUE|NOT_SUPPORTED)\w+/,
  /CU(DNN|BLAS)_STATUS_(EXECUTION_FAILED|INTERNAL_ERROR)\w*/,
  /GPU sync failed|Failed to synchronize|device-side assert|unspecified launch failure|an illegal memory access/i,
];

/** As `DeviceLost`, with the same words, where an error says that the device is gone; else the error itself. */
export function asDeviceLost(error: unknown): unknown {
  const message = error instanceof Error ? error.message : String(error);
  return SAYS.some((words) => words.test(message)) ? new DeviceLost(message, { cause: error }) : error;
}

import { expect, test } from 'vitest';
import { asDeviceError, DeviceFull, DeviceLost } from '../../../workers/executors/device-errors.js';

test.each([
  'INTERNAL: Failed to synchronize GPU: CUDA_ERROR_ILLEGAL_ADDRESS: an illegal memory access was encountered',
  'failed to query event: CUDA_ERROR_UNKNOWN: unknown error',
  'CUDNN_STATUS_EXECUTION_FAILED\nin tensorflow/stream_executor/cuda/cuda_dnn.cc(5185)',
  'GPU sync failed',
])('a device is gone: %s', (message) => {
  const lost = asDeviceError(new Error(message));
  expect(lost).toBeInstanceOf(DeviceLost);
  expect((lost as DeviceLost).message).toBe(message);
});

test.each([
  'OOM when allocating tensor with shape[64,64,112,112] and type float',
  'failed to allocate 4.0GiB: CUDA_ERROR_OUT_OF_MEMORY: out of memory',
])('memory is short: %s', (message) => {
  const full = asDeviceError(new Error(message));
  expect(full).toBeInstanceOf(DeviceFull);
  expect((full as DeviceFull).message).toBe(message);
});

test('anything else is what it was', () => {
  const error = new Error('Matrix size-incompatible: In[0]: [2,3], In[1]: [2,3]');
  expect(asDeviceError(error)).toBe(error);
});

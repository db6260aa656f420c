import { expect, test } from 'vitest';
import { asDeviceLost, DeviceLost } from '../../../workers/executors/device-lost.js';

test.each([
  'INTERNAL: Failed to synchronize GPU: CUDA_ERROR_ILLEGAL_ADDRESS: an illegal memory access was encountered',
  'failed to query event: CUDA_ERROR_UNKNOWN: unknown error',
  'CUDNN_STATUS_EXECUTION_FAILED\nin tensorflow/stream_executor/cuda/cuda_dnn.cc(5185)',
  'GPU sync failed',
])('a device is gone: %s', (message) => {
  const lost = asDeviceLost(new Error(message));
  expect(lost).toBeInstanceOf(DeviceLost);
  expect((lost as DeviceLost).message).toBe(message);
});

test.each([
  'OOM when allocating tensor with shape[64,64,112,112] and type float',
  'failed to allocate 4.0GiB: CUDA_ERROR_OUT_OF_MEMORY: out of memory',
  'Matrix size-incompatible: In[0]: [2,3], In[1]: [2,3]',
])('a device goes on: %s', (message) => {
  const error = new Error(message);
  expect(asDeviceLost(error)).toBe(error);
});

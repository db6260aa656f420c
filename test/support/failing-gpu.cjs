/**
 * The real addon as a GPU would have it that vanishes: until `addon.json`'s `calls` convolution gradients have run it says
 * that it computes on a GPU, then every kernel raises as CUDA does, and a later process finds what `then` says: a machine with
 * a processor only (`cpu`), or a library that cannot be loaded (`broken`). Where `then` is `full`, the memory is short instead
 * in those of the first `calls` gradients, and the device goes on.
 */
const { existsSync, readFileSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');

const { addon, calls, then } = JSON.parse(readFileSync(join(__dirname, 'addon.json'), 'utf8'));
const gone = join(__dirname, 'gone');
const onGpu = !existsSync(gone);
if (!onGpu && then === 'broken') throw new Error('libcuda.so.1: the driver does not answer');
const real = require(addon);
const own = {};
for (const name of Object.getOwnPropertyNames(real))
  own[name] = typeof real[name] === 'function' ? real[name].bind(real) : real[name];
let run = 0;

module.exports = {
  ...own,
  isUsingGpuDevice: () => onGpu,
  executeOp(kernel, ...rest) {
    if (then === 'full') {
      if (kernel === 'Conv2DBackpropFilter' && run++ < calls)
        throw new Error('RESOURCE_EXHAUSTED: OOM when allocating tensor with shape[8,11,11,8] and type float on GPU:0');
      return real.executeOp(kernel, ...rest);
    }
    if (kernel === 'Conv2DBackpropFilter' && onGpu && ++run === calls) writeFileSync(gone, '');
    if (onGpu && run >= calls)
      throw new Error(`INTERNAL: Failed to launch ${kernel}: CUDA_ERROR_NO_DEVICE: no CUDA-capable device is detected`);
    return real.executeOp(kernel, ...rest);
  },
};

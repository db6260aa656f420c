import { readdirSync, readFileSync } from 'node:fs';
import { ATTRIBUTE, loadAddon, TF } from './addon.js';

/** Loads the addon named by the first argument, runs a convolution and a product, and prints what came of it as JSON. */
const addon = loadAddon(process.argv[2] ?? '');
const string = (name: string, value: string) => ({ name, type: ATTRIBUTE.string, value });
const bool = (name: string, value: boolean) => ({ name, type: ATTRIBUTE.bool, value });
const ints = (name: string, value: readonly number[]) => ({ name, type: ATTRIBUTE.int, value });

const x = addon.createTensor(
  [1, 4, 4, 2],
  TF.float,
  Float32Array.from({ length: 32 }, (_, i) => i),
);
const w = addon.createTensor([3, 3, 2, 2], TF.float, new Float32Array(36).fill(1));
const [y] = addon.executeOp(
  'Conv2D',
  [ints('strides', [1, 1, 1, 1]), string('padding', 'VALID'), string('data_format', 'NHWC')],
  [x, w],
  1,
);
const convolved = [...(addon.tensorDataSync(y!.id) as Float32Array)];
const a = addon.createTensor([1, 2], TF.float, Float32Array.of(3, 4));
const [product] = addon.executeOp('MatMul', [bool('transpose_a', false), bool('transpose_b', true)], [a, a], 1);
const [squared] = addon.tensorDataSync(product!.id) as Float32Array;
// Rows 0-2 of 8 numbers, columns 0-2 of 2: sums of the numbers under the window.
const right = convolved.join() === [189, 189, 225, 225, 333, 333, 369, 369].join() && squared === 25;

const onGpu = addon.isUsingGpuDevice();
process.stdout.write(
  `${JSON.stringify({ version: addon.TF_Version, device: onGpu ? gpuName() : 'cpu', gpu: onGpu, right })}\n`,
  () => process.exit(0),
);

/** The driver tells the model; where it does not, the kind of device must do. */
function gpuName(): string {
  try {
    const folder = '/proc/driver/nvidia/gpus';
    const text = readFileSync(`${folder}/${readdirSync(folder)[0]}/information`, 'utf8');
    return /^Model:\s*(.+)$/m.exec(text)?.[1]?.trim() ?? 'gpu';
  } catch {
    return 'gpu';
  }
}

// The engine that a bench's process computes on: BENCH_ENGINE=tensorflow takes the one installed in GRAFT_HOME (.graft),
// BENCH_THREADS its threads (2), BENCH_LAYOUT=standard leaves onnxruntime's convolutions as they are.
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { onnxruntimeExecutor } from '../../dist/workers/executors/onnxruntime.js';

const threads = Number(process.env.BENCH_THREADS ?? 2);

export const embedded = () =>
  onnxruntimeExecutor({ threads, ...(process.env.BENCH_LAYOUT && { layout: process.env.BENCH_LAYOUT }) });

export async function engine() {
  if (process.env.BENCH_ENGINE !== 'tensorflow') return embedded();
  const { findTensorflow, libraryEnvironment } = await import(
    '../../dist/workers/executors/tensorflow/installation.js'
  );
  const { tensorflowExecutor } = await import('../../dist/workers/executors/tensorflow/executor.js');
  const found = findTensorflow(process.env.GRAFT_HOME ?? '.graft');
  if (found === null) throw new Error('The TensorFlow engine is not installed: npm run engine:tensorflow');
  Object.assign(process.env, libraryEnvironment(threads));
  process.env.BENCH_ADDON = found.addonPath;
  const addonPath = fileURLToPath(new URL('./timed-addon.cjs', import.meta.url));
  kernels = createRequire(import.meta.url)(addonPath);
  return tensorflowExecutor({ addonPath }, 'cpu');
}

let kernels;
/** Milliseconds that TensorFlow has taken in this process; 0 on onnxruntime, which does not tell. */
export const kernelMs = () => kernels?.spentMs() ?? 0;

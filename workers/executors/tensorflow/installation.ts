import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/**
 * What `npm run engine:tensorflow` leaves in `GRAFT_HOME/engines/tensorflow`: a folder per installation, and this file,
 * written last, which names the one that is whole.
 */
export interface Manifest {
  readonly format: 1;
  /** What was asked for: the pinned library for CPUs, the one for CUDA GPUs, or a library that was there already. */
  readonly flavour: 'cpu' | 'gpu' | 'own';
  readonly tensorflow: string;
  readonly tfjs: string;
  /** Path of the compiled addon, relative to the manifest's folder. */
  readonly addon: string;
  /** Names every pinned part; another one means that there is something newer to install. */
  readonly stack: string;
}
export interface Installation extends Manifest {
  readonly addonPath: string;
}

export const tensorflowFolder = (home: string): string => join(resolve(home), 'engines', 'tensorflow');
export const MANIFEST = 'installation.json';

/** The finished installation, or null where there is none (one that was interrupted counts as none). */
export function findTensorflow(home: string): Installation | null {
  const folder = tensorflowFolder(home);
  try {
    const manifest = JSON.parse(readFileSync(join(folder, MANIFEST), 'utf8')) as Manifest;
    if (manifest.format !== 1 || typeof manifest.addon !== 'string') return null;
    return { ...manifest, addonPath: join(folder, manifest.addon) };
  } catch {
    return null;
  }
}

/** What the library is told through its environment; it reads it when it is loaded. */
export const libraryEnvironment = (threads: number): Readonly<Record<string, string>> => ({
  TF_CPP_MIN_LOG_LEVEL: '2',
  TF_NUM_INTRAOP_THREADS: `${threads}`,
  // Kernels that do not need each other run beside each other; the results are the same bits.
  TF_NUM_INTEROP_THREADS: `${threads}`,
  // oneDNN's kernels, which TensorFlow leaves out by itself on processors without AVX-512.
  TF_ENABLE_ONEDNN_OPTS: '1',
  TF_FORCE_GPU_ALLOW_GROWTH: 'true',
  // The same bits from run to run, on GPUs too.
  TF_DETERMINISTIC_OPS: '1',
});

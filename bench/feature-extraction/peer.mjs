// PyTorch in a virtual environment under bench/out, as a process that does one job for each line it is sent.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const PACKAGES = ['torch', 'torchvision', 'onnx2torch', 'onnx', 'numpy', 'pillow', 'transformers', 'scikit-learn'];

export function python(out) {
  const venv = join(out, 'train-venv');
  const bin = join(venv, 'bin/python');
  if (!existsSync(join(venv, '.installed'))) {
    execFileSync('python3', ['-m', 'venv', venv], { stdio: 'inherit' });
    execFileSync(bin, ['-m', 'pip', '-q', 'install', ...PACKAGES], { stdio: 'inherit' });
    writeFileSync(join(venv, '.installed'), '');
  }
  return bin;
}

/** The allocator that PyTorch's own guide to performance recommends; from the system's packages. */
export function tcmalloc() {
  for (const folder of ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/lib64', '/usr/lib']) {
    if (!existsSync(folder)) continue;
    const found = readdirSync(folder).find((name) => /^libtcmalloc(_minimal)?\.so\.4/.test(name));
    if (found) return join(folder, found);
  }
  throw new Error('tcmalloc is not installed; PyTorch at its best is measured with it (package libtcmalloc-minimal4).');
}

export const startPeer = (script, { out, base, photos, best }) =>
  startLines(out, [script, base, photos, ...(best ? ['channels_last'] : [])], best);

/** A script that tells about itself in a line, and then answers each line with one. */
export async function startLines(out, args, best = false) {
  const env = best ? { ...process.env, LD_PRELOAD: tcmalloc() } : process.env;
  const child = spawn(python(out), args, { stdio: ['pipe', 'pipe', 'inherit'], env });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error('The peer ended early.');
    return JSON.parse(value);
  };
  const about = await next();
  return {
    about,
    job: (line = 'job') => {
      child.stdin.write(`${line}\n`);
      return next();
    },
    stop: () => child.kill('SIGKILL'),
  };
}

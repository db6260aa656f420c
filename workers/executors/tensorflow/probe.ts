import { spawn } from 'node:child_process';
import { childEnvironment } from '../../../src/config.js';
import { entryOf } from '../../entry.js';
import { type Installation, libraryEnvironment } from './installation.js';

export type Probe =
  | { readonly usable: true; readonly version: string; readonly device: string; readonly gpu: boolean }
  | { readonly usable: false; readonly reason: string };

const PATIENCE_MS = 60_000;
const REMEDY = 'Run `npm run engine:tensorflow` to build it anew.';

/**
 * Loads the library in a process of its own and runs kernels in it, so that one that crashes, or is another than the addon
 * was built for, is a reason and not an end.
 */
export function probeTensorflow(installation: Pick<Installation, 'addonPath' | 'tensorflow'>): Promise<Probe> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [entryOf('executors/tensorflow/probe-child'), installation.addonPath], {
      env: childEnvironment({ ...libraryEnvironment(1), NODE_OPTIONS: undefined }),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    let complained = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complained = (complained + text).slice(-4096);
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS);
    child.once('error', (error) => {
      complained += error.message;
    });
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      resolve(judged(installation.tensorflow, { said, complained, code, signal }));
    });
  });
}

interface Ended {
  readonly said: string;
  readonly complained: string;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

function judged(version: string, { said, complained, code, signal }: Ended): Probe {
  const no = (reason: string): Probe => ({ usable: false, reason: `${reason} ${REMEDY}` });
  if (signal === 'SIGILL')
    return { usable: false, reason: 'This processor lacks instructions that TensorFlow was built with (AVX).' };
  if (signal !== null) return no(`Its process ended by ${signal} while it ran a kernel.`);
  if (code !== 0) return no(`It cannot be loaded: ${loaderWords(complained)}.`);
  let seen: { version: string; device: string; gpu: boolean; right: boolean };
  try {
    seen = JSON.parse(said) as typeof seen;
  } catch {
    return no('It said nothing that can be understood.');
  }
  if (seen.version !== version)
    return no(`The addon was built for TensorFlow ${version}, and the library is ${seen.version}.`);
  if (!seen.right) return no('A convolution and a product gave wrong numbers.');
  return { usable: true, version: seen.version, device: seen.device, gpu: seen.gpu };
}

/** The line of an uncaught error, without its stack. */
function loaderWords(text: string): string {
  const line = text.split('\n').find((l) => /^\w*Error\b/.test(l.trim()));
  return (line ?? text.trim().split('\n').at(-1) ?? '').trim().replace(/\.$/, '') || 'no reason was given';
}

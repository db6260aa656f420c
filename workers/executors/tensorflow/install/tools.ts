import { mkdir, statfs } from 'node:fs/promises';
import { command, InstallError } from './command.js';
import { DISK_BYTES } from './pins.js';

/** The programs that an installation uses, found on this machine. */
export interface Tools {
  readonly compiler: string;
  /** null where no wheel is to be taken. */
  readonly python: string | null;
}

/** Throws `InstallError` naming everything that is missing at once, and how to get it. */
export async function checkTools(flavour: 'cpu' | 'gpu' | 'own'): Promise<Tools> {
  const missing: string[] = [];
  if (flavour !== 'own' && !(process.platform === 'linux' && process.arch === 'x64'))
    missing.push(
      `The pinned TensorFlow is for Linux on x64; this is ${process.platform} on ${process.arch}. Where TensorFlow is installed already, name its folder: npm run engine:tensorflow -- --tensorflow DIR (what \`python -c "import tensorflow as t; print(t.sysconfig.get_lib())"\` prints). Training on onnxruntime needs nothing.`,
    );
  const compiler = await first(['g++', 'clang++', 'c++'], ['--version']);
  if (compiler === null)
    missing.push(
      'There is no C++ compiler (g++, clang++). Debian, Ubuntu: apt-get install g++; Fedora: dnf install gcc-c++.',
    );
  if ((await first(['npm'], ['--version'])) === null) missing.push('There is no npm; it comes with Node.');
  let python: string | null = null;
  if (flavour !== 'own') {
    python = await first(['python3', 'python'], ['--version']);
    if (python === null)
      missing.push(
        'There is no Python, whose pip fetches TensorFlow. Debian, Ubuntu: apt-get install python3 python3-pip.',
      );
    else if ((await command(python, ['-m', 'pip', '--version']))?.code !== 0)
      missing.push(
        `${python} has no pip. Debian, Ubuntu: apt-get install python3-pip; elsewhere: ${python} -m ensurepip.`,
      );
  }
  if (missing.length > 0) throw new InstallError(missing.join('\n'));
  return { compiler: compiler!, python };
}

/** Makes the folder. Throws `InstallError` where it cannot be written or too little space is left. */
export async function checkFolder(folder: string, flavour: 'cpu' | 'gpu' | 'own'): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o755 });
  } catch (error) {
    throw unwritable(folder, error);
  }
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  const needed = DISK_BYTES[flavour];
  if (free < needed)
    throw new InstallError(
      `${folder} has ${mebibytes(free)} free, and ${mebibytes(needed)} are needed. Make room, or put GRAFT_HOME on a larger disk.`,
    );
}

export const mebibytes = (n: number): string => `${Math.floor(n / 1024 ** 2).toLocaleString('en')} MiB`;

export function unwritable(folder: string, error: unknown): Error {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS')
    return new InstallError(
      `${folder} cannot be written (${code}). Run this as the user whose folder it is, or name another with GRAFT_HOME.`,
    );
  if (code === 'ENOSPC') return new InstallError(`The disk of ${folder} is full. Make room and run this again.`);
  if (code === 'ENOTDIR' || code === 'EEXIST')
    return new InstallError(`${folder} cannot be made: a file is in the way (${code}).`);
  return error instanceof Error ? error : new Error(String(error));
}

async function first(programs: readonly string[], args: readonly string[]): Promise<string | null> {
  for (const program of programs) if ((await command(program, args))?.code === 0) return program;
  return null;
}

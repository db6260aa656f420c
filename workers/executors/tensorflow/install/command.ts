import { spawn } from 'node:child_process';

/** What the person who installs is told; anything else that is thrown is a mistake of ours. */
export class InstallError extends Error {
  override readonly name = 'InstallError';
}

export interface Ran {
  readonly code: number | null;
  /** Both outputs, in the order in which they came. */
  readonly output: string;
}

/** Runs a program to its end. `null`: there is no such program. `show`: what it says goes to the terminal too. */
export function command(
  program: string,
  args: readonly string[],
  o: { readonly cwd?: string; readonly show?: boolean; readonly signal?: AbortSignal } = {},
): Promise<Ran | null> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      ...(o.cwd !== undefined && { cwd: o.cwd }),
      ...(o.signal && { signal: o.signal }),
      stdio: ['ignore', o.show ? 'inherit' : 'pipe', 'pipe'],
    });
    let output = '';
    const hear = (text: string): void => {
      output = (output + text).slice(-65_536);
    };
    child.stdout?.setEncoding('utf8').on('data', hear);
    child.stderr?.setEncoding('utf8').on('data', hear);
    child.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') resolve(null);
      else reject(error);
    });
    child.once('close', (code) => resolve({ code, output }));
  });
}

/** The last lines of what a program said, for a message. */
export const lastLines = (text: string, count = 6): string => text.trim().split('\n').slice(-count).join('\n');

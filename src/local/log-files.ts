import { closeSync, existsSync, mkdirSync, openSync, renameSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';

export interface LogFile {
  readonly path: string;
  write(line: string): void;
  /** The last lines written, for the words beside a failure. */
  tail(): readonly string[];
  close(): void;
}

const MAX_BYTES = 20 * 1024 * 1024;
const KEPT = 3;
const TAIL = 20;

/** `<name>.log` in `folder`; at `maxBytes` it becomes `<name>.log.1`, that `.2`, and the oldest goes. */
export function openLogFile(folder: string, name: string, maxBytes = MAX_BYTES): LogFile {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${name}.log`);
  let file = openSync(path, 'a', 0o600);
  let bytes = statSync(path).size;
  let closed = false;
  const last: string[] = [];
  const rotate = () => {
    closeSync(file);
    for (let n = KEPT - 1; n >= 1; n--) {
      const from = n === 1 ? path : `${path}.${n - 1}`;
      if (existsSync(from)) renameSync(from, `${path}.${n}`);
    }
    file = openSync(path, 'a', 0o600);
    bytes = 0;
  };
  return {
    path,
    write(line) {
      last.push(line);
      if (last.length > TAIL) last.shift();
      if (closed) return;
      try {
        if (bytes > maxBytes) rotate();
        bytes += writeSync(file, `${line}\n`);
      } catch {
        // A full disk must not end the service; what is worth knowing was also shown on the terminal.
      }
    },
    tail: () => last,
    close: () => {
      closed = true;
      closeSync(file);
    },
  };
}

/** Calls `take` with each line of `stream`, the unfinished last one included. */
export function eachLine(stream: Readable, take: (line: string) => void): void {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  stream.on('data', (chunk: Buffer) => {
    const lines = (rest + decoder.write(chunk)).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line !== '') take(line);
  });
  stream.on('end', () => {
    if (rest !== '') take(rest);
  });
}

interface Entry {
  readonly level?: number;
  readonly msg?: string;
  readonly err?: { readonly message?: string; readonly code?: string };
}

/**
 * One line for a person from a pino line of a warning or worse; null for the rest. Of text that is not pino's, like the
 * last words of a process that crashed, the lines of the stack stay in the file.
 */
export function worthShowing(line: string): { text: string; bad: boolean } | null {
  if (!line.startsWith('{"')) return /^[\s{}()[\]^]|^node:|^file:/.test(line) ? null : { text: line, bad: true };
  // pino writes the level first; most lines are of a level that is not shown, and are not parsed.
  if (/^\{"level":[123]0,/.test(line)) return null;
  let entry: Entry;
  try {
    entry = JSON.parse(line) as Entry;
  } catch {
    return { text: line, bad: true };
  }
  if ((entry.level ?? 0) < 40) return null;
  const cause = entry.err?.message ?? entry.err?.code;
  const text = [entry.msg, cause].filter((part) => part !== undefined && part !== '').join(': ');
  return { text: text === '' ? line : text, bad: (entry.level ?? 0) >= 50 };
}

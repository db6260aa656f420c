import { GraftError, type ProblemItem } from '../../src/errors.js';

/** A file in an archive. Nothing is ever written under its name. */
export interface ArchiveEntry {
  readonly path: string;
  readonly bytes: number;
}
export interface ArchiveLimits {
  readonly entries: number;
  readonly entryBytes: number;
  readonly totalBytes: number;
  /** Unpacked over packed, for the whole and for each entry over 32 MiB. */
  readonly ratio: number;
}
export const LIMITS: ArchiveLimits = {
  entries: 1_000_000,
  entryBytes: 256 * 1024 ** 2,
  totalBytes: 200 * 1024 ** 3,
  ratio: 200,
};
/** Below this a high ratio is a plain picture (a blank PNG), not an attack. */
export const BOMB_MIN = 32 * 1024 ** 2;

export const refuse = (detail: string, errors: readonly ProblemItem[] = []): GraftError =>
  new GraftError('archive-invalid', detail, { errors });

/** Every rule about names, in one place: what it says is the reason to refuse, null is a name to take. */
export function badName(path: string): { code: string; detail: string } | null {
  if (path.includes('\0')) return { code: 'name-invalid', detail: 'The name holds a NUL byte.' };
  if (/^([/\\]|[A-Za-z]:)/.test(path))
    return { code: 'name-absolute', detail: 'The name is absolute; names must be relative.' };
  if (path.split(/[/\\]/).includes('..'))
    return { code: 'name-climbs', detail: "The name climbs out of the archive with '..'." };
  return null;
}

/** Collects entries and refuses what breaks the limits as soon as it is seen. */
export function collector(limits: ArchiveLimits, packedBytes: number) {
  const entries: ArchiveEntry[] = [];
  const seen = new Set<string>();
  let total = 0;
  return {
    entries,
    add(path: string, bytes: number): void {
      const bad = badName(path);
      if (bad !== null)
        throw refuse(`The archive has an unsafe name: '${path}'. ${bad.detail} Nothing of it was taken.`, [
          { path, ...bad },
        ]);
      const key = path.normalize('NFC');
      if (seen.has(key)) {
        throw refuse(`The archive has '${path}' twice, so it is not clear which is meant.`, [
          { path, code: 'name-duplicate', detail: 'This name occurs more than once.' },
        ]);
      }
      seen.add(key);
      if (bytes > limits.entryBytes)
        throw refuse(`'${path}' is ${bytes} bytes unpacked; at most ${limits.entryBytes} are taken.`, [
          { path, code: 'entry-too-large', detail: `${bytes} bytes.` },
        ]);
      total += bytes;
      if (total > limits.totalBytes) throw refuse(`The archive holds more than ${limits.totalBytes} bytes unpacked.`);
      if (total > 2 * BOMB_MIN && total > packedBytes * limits.ratio) {
        throw refuse(
          `The archive unpacks to more than ${limits.ratio} times its ${packedBytes} bytes: that is a decompression bomb, not pictures.`,
        );
      }
      entries.push({ path, bytes });
      if (entries.length > limits.entries) throw refuse(`The archive has more than ${limits.entries} files.`);
    },
  };
}
export type Collector = ReturnType<typeof collector>;

/** A full or broken disk is no archive's doing. */
export const ofSystem = (error: unknown): boolean => (error as NodeJS.ErrnoException).syscall !== undefined;

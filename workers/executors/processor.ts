import { readFileSync } from 'node:fs';

/** The names that Linux gives to what the processor can do (`avx2`, `avx512f`, …); none where it does not tell. */
export function processorFlags(): ReadonlySet<string> {
  try {
    const [, flags = ''] = /^(?:flags|Features)\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8')) ?? [];
    return new Set(flags.trim().split(/\s+/));
  } catch {
    return new Set();
  }
}

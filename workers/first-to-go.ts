import { writeFileSync } from 'node:fs';

/**
 * Where memory runs out, the kernel is to end this process and not the worker that started it, which tells why and goes on.
 * Raising its own score needs no right; on systems without scores nothing happens.
 */
export function firstToGo(): void {
  try {
    writeFileSync('/proc/self/oom_score_adj', '500');
  } catch {
    // No Linux, or a file system for processes that cannot be written.
  }
}

// Ends the services of a test run when the run is over: its input closes then, even where Vitest was killed.
// Argument: what each of them has in its environment.
import { readdirSync, readFileSync } from 'node:fs';

const fieldsOf = (pid, file) => readFileSync(`/proc/${pid}/${file}`, 'utf8').split('\0');

/** Those too that were meant to outlive their starter, as the demo's. */
function supervisors(mark) {
  return readdirSync('/proc').filter((pid) => {
    try {
      return fieldsOf(pid, 'cmdline').includes('scripts/start.mjs') && fieldsOf(pid, 'environ').includes(mark);
    } catch {
      // No process, or another user's.
      return false;
    }
  });
}

process.stdin.resume().on('end', () => {
  for (const pid of supervisors(process.argv[2])) process.kill(Number(pid), 'SIGTERM');
  process.exit();
});

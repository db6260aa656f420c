import type { Problem } from '../api/client.js';

export interface Output {
  readonly json: boolean;
  text(line: string): void;
  /** An object as JSON, one a line. */
  data(value: unknown): void;
  /** Aligned columns; the first row is the heading. */
  table(rows: readonly (readonly (string | number)[])[]): void;
  error(words: string): void;
  problem(problem: Problem): void;
  /** A bar on a terminal, a line per phase and tenth elsewhere; nothing with --json. */
  progress(phase: string, done: number, total: number, etaSeconds?: number | null): void;
  end(): void;
}

const WIDTH = 28;

export function createOutput(options: { json: boolean; colour: boolean }): Output {
  const { json } = options;
  const terminal = process.stderr.isTTY === true && !json;
  const paint = (code: number, text: string) =>
    options.colour && process.stderr.isTTY ? `\x1b[${code}m${text}\x1b[0m` : text;
  let barShown = false;
  let lastMark = '';
  const clear = () => {
    if (barShown) process.stderr.write('\r\x1b[K');
    barShown = false;
  };
  const text = (line: string) => {
    clear();
    process.stdout.write(`${line}\n`);
  };
  return {
    json,
    text,
    data: (value) => text(JSON.stringify(value)),
    table(rows) {
      const widths = rows.reduce<number[]>(
        (all, row) => row.map((cell, i) => Math.max(all[i] ?? 0, String(cell).length)),
        [],
      );
      for (const row of rows) {
        text(
          row
            .map((cell, i) =>
              typeof cell === 'number' ? String(cell).padStart(widths[i]!) : String(cell).padEnd(widths[i]!),
            )
            .join('  ')
            .trimEnd(),
        );
      }
    },
    error(words) {
      clear();
      if (json) process.stderr.write(`${JSON.stringify({ error: { detail: words } })}\n`);
      else process.stderr.write(`${paint(31, 'error')}: ${words}\n`);
    },
    problem(problem) {
      clear();
      if (json) {
        process.stderr.write(`${JSON.stringify({ error: problem })}\n`);
        return;
      }
      process.stderr.write(`${paint(31, 'error')}: ${problem.title} (${problem.code})\n  ${problem.detail}\n`);
      // Where the whole sentence is one item's, that is said already.
      for (const item of problem.errors?.filter(({ detail }) => !problem.detail.includes(detail)) ?? [])
        process.stderr.write(`  - ${item.path || '(whole)'}: ${item.detail} [${item.code}]\n`);
    },
    progress(phase, done, total, etaSeconds) {
      if (json) return;
      const share = total > 0 ? Math.min(1, done / total) : 0;
      const eta = etaSeconds == null ? '' : `  ${Math.max(0, Math.round(etaSeconds))} s left`;
      if (terminal) {
        const full = Math.round(share * WIDTH);
        const bar = '█'.repeat(full) + '░'.repeat(WIDTH - full);
        process.stderr.write(
          `\r\x1b[K${phase.padEnd(12)} ${paint(36, bar)} ${String(Math.floor(share * 100)).padStart(3)} %${eta}`,
        );
        barShown = true;
        return;
      }
      const mark = `${phase} ${Math.floor(share * 10)}`;
      if (mark !== lastMark) process.stderr.write(`${phase}: ${Math.floor(share * 100)} %${eta}\n`);
      lastMark = mark;
    },
    end: clear,
  };
}

export function bytesText(bytes: number): string {
  for (const [unit, size] of [
    ['GB', 1e9],
    ['MB', 1e6],
    ['kB', 1e3],
  ] as const)
    if (bytes >= size) return `${(bytes / size).toFixed(1)} ${unit}`;
  return `${bytes} B`;
}

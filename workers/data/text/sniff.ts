import { parse } from 'csv-parse/sync';

/** How a table of separated values is written. */
export interface Dialect {
  readonly kind: 'jsonl' | 'separated';
  readonly delimiter: ',' | '\t' | ';' | '|';
  /** Whether quotes enclose fields; where they are plain characters, taking them for quotes would swallow rows. */
  readonly quoted: boolean;
}

const DELIMITERS = ['\t', ',', ';', '|'] as const;
const NAMES: Readonly<Record<Dialect['delimiter'], string>> = {
  ',': 'commas',
  '\t': 'tabs',
  ';': 'semicolons',
  '|': 'bars',
};

/** Bytes of a file's beginning by which it is judged. */
export const SAMPLE = 1 << 18;

/** Rows that the first bytes of a file give; the last of a full sample may be cut off and is left out. */
export function sampleRows(sample: Buffer, dialect: Pick<Dialect, 'delimiter' | 'quoted'>): string[][] {
  const { delimiter, quoted } = dialect;
  try {
    const rows = parse(sample, {
      delimiter,
      quote: quoted ? '"' : null,
      relax_column_count: true,
      relax_quotes: true,
      skip_empty_lines: true,
      to: 400,
    }) as string[][];
    return sample.length >= SAMPLE && rows.length > 1 ? rows.slice(0, -1) : rows;
  } catch {
    // A quote that the sample leaves open: what stands before it is whole.
    const end = sample.lastIndexOf('\n', sample.length - 2);
    return end > 0 ? sampleRows(sample.subarray(0, end + 1), dialect) : [];
  }
}

/**
 * Finds the dialect that makes the most regular table of the file's beginning: the delimiter by which most rows have the
 * same number (two or more) of fields, and quotes as quotes only where that makes no more ragged rows than plain ones.
 * null where no delimiter gives two columns.
 */
export function sniff(sample: Buffer): Dialect | null {
  if (/^\s*\{/.test(sample.toString('latin1', 0, 200))) return { kind: 'jsonl', delimiter: ',', quoted: true };
  let best: Reading | null = null;
  for (const delimiter of DELIMITERS) {
    for (const quoted of [true, false]) {
      const rows = sampleRows(sample, { delimiter, quoted });
      const [columns, regular] = commonest(rows.map((row) => row.length));
      if (columns < 2) continue;
      const reading: Reading = {
        dialect: { kind: 'separated', delimiter, quoted },
        share: regular / rows.length,
        rows: rows.length,
      };
      if (best === null || better(reading, best)) best = reading;
    }
  }
  return best?.dialect ?? null;
}

interface Reading {
  readonly dialect: Dialect;
  /** Of rows that have the commonest number of fields: text full of commas is less regular than what really separates it. */
  readonly share: number;
  readonly rows: number;
}
/** Quotes that are none swallow rows: of two readings that are about as regular the one with more rows is right. */
const better = (a: Reading, b: Reading): boolean =>
  Math.abs(a.share - b.share) > 0.005 ? a.share > b.share : a.rows > b.rows;

function commonest(numbers: readonly number[]): readonly [value: number, times: number] {
  const times = new Map<number, number>();
  for (const n of numbers) times.set(n, (times.get(n) ?? 0) + 1);
  let best: readonly [number, number] = [0, 0];
  for (const entry of times) if (entry[1] > best[1]) best = entry;
  return best;
}

export const dialectWords = (d: Dialect): string =>
  d.kind === 'jsonl'
    ? 'JSON lines'
    : `separated by ${NAMES[d.delimiter]}${d.quoted ? '' : ', quotes are plain characters'}`;

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Hyperparameters } from '../../src/domain/types.js';
import type { Model } from '../../src/onnx/index.js';
import { withoutWindows } from '../../src/tasks/text-classification/compose.js';
import { type TokenTexts, tokenTexts } from '../data/text/batches.js';
import { type IdFile, idFile } from '../data/text/id-file.js';
import { type RowTable, rowTable } from '../data/text/row-table.js';
import type { SpecialTokens } from '../data/text/token-messages.js';
import { tokenRows } from '../data/text/tokens.js';
import { idsRead, type RowRule, rowOf } from '../data/text/windows.js';
import type { Chosen } from './choices.js';
import { chosenLongText, windowsFor } from './long-text.js';
import type { RunExample, RunSpec, TextRunInput, TokenReport } from './messages.js';
import { tokenLengths } from './token-report.js';

/** All texts of a job as rows of token ids, made once and kept in a file. */
export interface JobTexts {
  /** How the texts are read, windows included. */
  readonly input: TextRunInput;
  readonly chosen: readonly Chosen[];
  readonly report: TokenReport;
  /** The texts in the order of the examples. */
  readonly table: RowTable;
  /** Most tokens of a row. */
  readonly most: number;
  /** What the base's file is fixed to: all rows are padded to it; null where it takes rows of any length. */
  readonly fixed: number | null;
  /** Where an example stands among those that were given. */
  placeOf(example: Pick<RunExample, 'index'>): number;
  /** Ids of rows of the table, in the order asked for. */
  read(rows: Iterable<number>): TokenTexts;
  close(): Promise<void>;
}
type Spec = Pick<RunSpec, 'packPath' | 'outDir' | 'threads'>;

/** One thread does about ten thousand short texts a second; more than two hardly pay for their tables. */
const THREADS = 2;

/** Tokenizes the texts of a job and decides what becomes of long ones. Throws as `tokenRows` does. */
export async function jobTexts(
  spec: Spec,
  base: Model,
  given: TextRunInput,
  examples: readonly RunExample[],
  wanted: Hyperparameters['longText'],
): Promise<JobTexts> {
  const text = withoutWindows(given.text);
  const fixed = fixedLength(base, text.inputs.ids);
  const most = Math.min(text.maxLength, fixed ?? Number.POSITIVE_INFINITY);
  const windows = windowsFor(most);
  await mkdir(spec.outDir, { recursive: true });
  const file = await idFile(join(spec.outDir, 'token-ids'));
  try {
    const mayBeSplit = wanted !== 'truncate' && { windows };
    const { specials, starts, lengths, unknown } = await written(file, spec, given, examples, (specials) =>
      idsRead({ specials, most, ...mayBeSplit }),
    );
    const around = specials.before.length + specials.after.length;
    const long = lengths.reduce((n, length) => n + (length + around > most ? 1 : 0), 0);
    const texts = examples.length;
    const { longText, chosen } = chosenLongText(wanted, { texts, long, limit: most });
    const split = longText === 'windows' && { windows };
    const rule: RowRule = { specials, most, ...split };
    const table = rowTable(lengths, rule);
    const tokens = starts.at(-1)! + around * texts;
    return {
      input: { ...given, text: { ...text, ...split } },
      ...{ chosen, table, most, fixed },
      report: {
        ...{ texts, limit: most, long, longText, windows: table.of.length, truncated: table.cut },
        unknownShare: tokens === 0 ? 0 : unknown / tokens,
        lengths: tokenLengths(lengths, around),
      },
      placeOf: placesOf(examples),
      read: (rows) =>
        tokenTexts(
          Array.from(rows, (row) => {
            const from = starts[table.of[row]!]! + table.from[row]!;
            return rowOf(specials, file.read(from, from + table.counts[row]! - around));
          }),
        ),
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Writes the ids of all texts: where each begins, and how many it has before it is cut off. */
async function written(
  file: IdFile,
  { packPath, threads }: Spec,
  { tokenizer }: TextRunInput,
  examples: readonly RunExample[],
  most: (specials: SpecialTokens) => number,
) {
  const starts = new Float64Array(examples.length + 1);
  const lengths = new Int32Array(examples.length);
  let specials: SpecialTokens = { before: [], after: [] };
  let [text, filled, unknown] = [0, 0, 0];
  const kept = (found: SpecialTokens): number => {
    specials = found;
    return most(found);
  };
  const source = { tokenizerPath: tokenizer.path, packPath };
  for await (const part of tokenRows(source, examples, kept, Math.min(THREADS, threads))) {
    await file.add(part.ids);
    lengths.set(part.lengths, text);
    for (let i = 1; i < part.starts.length; i++) starts[++text] = filled + part.starts[i]!;
    filled += part.ids.length;
    unknown += part.unknown;
  }
  return { specials, starts, lengths, unknown };
}

function fixedLength({ graph }: Model, ids: string): number | null {
  const length = graph.inputs.find(({ name }) => name === ids)?.shape?.[1];
  return typeof length === 'number' ? length : null;
}

function placesOf(examples: readonly RunExample[]): JobTexts['placeOf'] {
  const places = new Int32Array(examples.reduce((most, { index }) => Math.max(most, index), -1) + 1);
  examples.forEach(({ index }, place) => {
    places[index] = place;
  });
  return ({ index }) => places[index]!;
}

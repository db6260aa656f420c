import { parse } from 'csv-parse/sync';
import type { Split } from '../../src/domain/types.js';
import { GraftError } from '../../src/errors.js';
import { counted } from '../../src/words.js';
import type { ArchiveEntry } from './archive.js';
import { malformedLabel } from './malformed-label.js';

/** What an archive of pictures turned out to be. */
export interface ImageLayout {
  readonly format: 'folders' | 'labels.csv';
  /** By path in the archive, in the archive's order. */
  readonly examples: ReadonlyMap<string, { readonly label: string; readonly split: Split | null }>;
  /** Pictures without a label, with the reason. */
  readonly unlabelled: readonly { path: string; code: string; detail: string }[];
  readonly notes: readonly string[];
}

const SPLITS: Readonly<Record<string, Split>> = {
  train: 'train',
  training: 'train',
  val: 'validation',
  valid: 'validation',
  validation: 'validation',
  dev: 'validation',
  test: 'test',
  testing: 'test',
};
/** The split that a folder, a file or a cell names; undefined where it names none. */
export const splitNamed = (name: string | undefined): Split | undefined => SPLITS[name?.trim().toLowerCase() ?? ''];

/** Label and split by the folders that a file lies in: a folder of a split's name says which, the innermost other one is the label. */
export function foldersOf(path: string): { readonly label: string | undefined; readonly split: Split | null } {
  const folders = path.split('/').slice(0, -1);
  const at = folders.findIndex((folder) => splitNamed(folder) !== undefined);
  const label = at === folders.length - 1 ? undefined : folders.at(-1);
  return { label, split: splitNamed(folders[at]) ?? null };
}

/** Written by operating systems, not by people. */
const LITTER = /(^|\/)(__MACOSX\/|\.DS_Store$|Thumbs\.db$|desktop\.ini$|\._|\.)/i;
/** Files that are certainly no pictures; everything else is tried, whatever its name. */
const NO_PICTURE =
  /\.(txt|md|csv|tsv|json|jsonl|xml|ya?ml|html?|py|ipynb|js|pdf|docx?|xlsx?|zip|tar|t?gz|7z|rar|npy|npz|pkl|pt|onnx|mp4|mov|avi|license)$/i;
const NOTHING_FITS =
  'Expected is a folder per label (ants/1.jpg, bees/2.jpg), optionally inside train/, val/ and test/, or a labels.csv (file,label[,split]) beside the pictures.';

/** labels.csv at the top of the archive, or in the one folder that wraps it. */
export function findLabelsFile(entries: readonly ArchiveEntry[]): string | null {
  const found = entries.filter((entry) => /(^|\/)labels\.csv$/i.test(entry.path) && entry.path.split('/').length <= 2);
  return found.length === 1 ? found[0]!.path : null;
}

/** @throws GraftError `dataset-invalid` with what was found and what is expected. */
export function imageLayout(
  entries: readonly ArchiveEntry[],
  labels: { path: string; text: string } | null,
): ImageLayout {
  const notes: string[] = [];
  const litter = entries.filter((entry) => LITTER.test(entry.path));
  const others = entries.filter(
    (entry) => !LITTER.test(entry.path) && NO_PICTURE.test(entry.path) && entry.path !== labels?.path,
  );
  const pictures = entries
    .filter((entry) => !LITTER.test(entry.path) && !NO_PICTURE.test(entry.path))
    .map((entry) => entry.path);
  if (litter.length > 0)
    notes.push(`Passed over: ${counted(litter.length, 'hidden or system file')} (such as ${litter[0]!.path}).`);
  if (others.length > 0)
    notes.push(
      `Passed over: ${counted(others.length, 'file that is no picture', 'files that are no pictures')} (such as ${others[0]!.path}).`,
    );
  if (pictures.length === 0) {
    const what =
      entries.length === 0
        ? 'The archive is empty.'
        : `The archive has ${counted(entries.length, 'file')}, but no pictures.`;
    throw new GraftError('dataset-invalid', `${what} ${NOTHING_FITS}`);
  }
  return labels === null ? byFolder(pictures, notes) : byTable(pictures, labels, notes);
}

function byFolder(pictures: readonly string[], notes: string[]): ImageLayout {
  const examples = new Map<string, { label: string; split: Split | null }>();
  const unlabelled: { path: string; code: string; detail: string }[] = [];
  for (const path of pictures) {
    const { label, split } = foldersOf(path);
    if (label === undefined) {
      unlabelled.push({ path, code: 'label-missing', detail: 'The picture lies in no folder that names its label.' });
    } else examples.set(path, { label: label.normalize('NFC').trim(), split });
  }
  if (examples.size === 0) {
    throw new GraftError(
      'dataset-invalid',
      `None of ${counted(pictures.length, 'picture')} lies in a folder that names its label (the first is '${pictures[0]}'). ${NOTHING_FITS}`,
    );
  }
  const unsplit = [...examples.values()].filter((example) => example.split === null).length;
  if (unsplit > 0 && unsplit < examples.size) {
    notes.push(
      `${unsplit} pictures lie outside train/, val/ and test/ while others lie inside; they count as training examples.`,
    );
    for (const [path, example] of examples)
      if (example.split === null) examples.set(path, { ...example, split: 'train' });
  }
  return { format: 'folders', examples, unlabelled, notes };
}

function byTable(pictures: readonly string[], labels: { path: string; text: string }, notes: string[]): ImageLayout {
  const bad = (detail: string, row?: number): GraftError =>
    new GraftError('dataset-invalid', `${labels.path}: ${detail}`, {
      errors: [{ path: row === undefined ? labels.path : `${labels.path}:${row}`, code: 'labels-invalid', detail }],
    });
  let rows: string[][];
  try {
    rows = parse(labels.text, { bom: true, skip_empty_lines: true, relax_column_count: true, trim: true });
  } catch (error) {
    throw bad(`the table cannot be read: ${(error as Error).message}`);
  }
  const header = rows[0]?.map((name) => name.toLowerCase()) ?? [];
  const column = (...names: string[]) => header.findIndex((name) => names.includes(name));
  const [file, label, split] = [
    column('file', 'filename', 'path', 'image'),
    column('label', 'class', 'category'),
    column('split', 'subset'),
  ];
  if (file < 0 || label < 0)
    throw bad(
      `the first row must name the columns file and label (and split, if there is one); it is "${rows[0]?.join(',') ?? ''}".`,
      1,
    );

  const folder = labels.path.split('/').slice(0, -1);
  const known = new Set(pictures);
  const examples = new Map<string, { label: string; split: Split | null }>();
  const unlabelled: { path: string; code: string; detail: string }[] = [];
  for (const [index, row] of rows.slice(1).entries()) {
    const name = (row[file] ?? '').replace(/^\.\//, '');
    const path = [[...folder, name].join('/'), name].find((candidate) => known.has(candidate));
    const where = `${labels.path}:${index + 2}`;
    const wanted = split < 0 ? undefined : row[split];
    const malformed = malformedLabel(row[label] ?? '');
    if (path === undefined)
      unlabelled.push({
        path: where,
        code: 'file-missing',
        detail: `Row ${index + 2} names '${name}', which is not in the archive.`,
      });
    else if (!row[label]) unlabelled.push({ path, code: 'label-missing', detail: `Row ${index + 2} has no label.` });
    else if (malformed !== null) unlabelled.push({ path, ...malformed });
    else if (wanted && splitNamed(wanted) === undefined)
      unlabelled.push({
        path,
        code: 'split-unknown',
        detail: `Row ${index + 2} has split '${wanted}'; train, validation and test are known.`,
      });
    else examples.set(path, { label: row[label].normalize('NFC'), split: splitNamed(wanted) ?? null });
  }
  const listed = new Set([...examples.keys(), ...unlabelled.map((entry) => entry.path)]);
  for (const path of pictures)
    if (!listed.has(path))
      unlabelled.push({ path, code: 'label-missing', detail: `${labels.path} has no row for it.` });
  if (examples.size === 0) throw bad('no row names a picture of the archive and its label.');
  return { format: 'labels.csv', examples, unlabelled, notes };
}

import { createReadStream } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { build } from '../../../scripts/build.mjs';
import { DEFAULT_PROJECT_ID, repositories } from '../../../src/db/index.js';
import type { GivenColumns } from '../../../src/domain/columns.js';
import type { Repositories } from '../../../src/domain/ports.js';
import { newId } from '../../../src/ids.js';
import { createLogger } from '../../../src/log.js';
import type { BlobStore } from '../../../src/storage/blob.js';
import { filesystemBlobStore } from '../../../src/storage/filesystem.js';
import { datasetCheck } from '../../../workers/processors/dataset-check.js';
import { sharedData } from '../../support/data.js';
import { type TestDatabase, testDatabase } from '../../support/postgres.js';
import { writeZip } from '../../support/zip.js';

let folder: string;
let db: TestDatabase;
let repos: Repositories;
let store: BlobStore;
beforeAll(async () => {
  await build();
  folder = await mkdtemp(join(tmpdir(), 'graft-text-check-'));
  db = await testDatabase();
  repos = repositories(db);
  store = await filesystemBlobStore(join(folder, 'blobs'));
});
afterAll(async () => {
  await db.close();
  await rm(folder, { recursive: true, force: true });
});

const log = createLogger({ logLevel: 'silent' }, 'test');

async function checked(content: string | Uint8Array, columns?: GivenColumns) {
  const path = join(folder, newId('req'));
  await writeFile(path, content);
  const id = newId('ds');
  await repos.datasets.create({ id, projectId: DEFAULT_PROJECT_ID, name: 'test', task: 'text-classification' });
  const { digest, bytes } = await store.put(`uploads/${id}`, createReadStream(path));
  await repos.datasets.startRevision(DEFAULT_PROJECT_ID, id, 'text/csv', `uploads/${id}`, columns);
  await repos.datasets.uploaded(id, 1, { digest, bytes });
  const check = datasetCheck({ repositories: repos, datasets: store, config: { threads: 2 }, log });
  await check({ datasetId: id, revision: 1 }, new AbortController().signal);
  return { id, revision: (await repos.datasets.revision(id, 1))! };
}

describe('checking a set of texts', () => {
  it('makes pack, examples and report of a table; the upload is gone', async () => {
    const { id, revision } = await checked(
      'text,label,split\na good film,pos,train\nfine film,pos,train\nbad film,neg,train\nawful film,neg,train\na good film,pos,test\n,neg,test\n',
    );
    expect(revision).toMatchObject({ state: 'ready', error: null });
    expect(revision.summary).toEqual({
      examples: 5,
      labels: [
        { name: 'neg', train: 2, validation: 0, test: 0 },
        { name: 'pos', train: 2, validation: 0, test: 1 },
      ],
      splits: { train: 4, validation: 0, test: 1 },
      rejected: 1,
      duplicates: 1,
      leaks: 1,
    });
    expect(revision.report).toMatchObject({
      format: "separated by commas, text in column 'text', label in 'label', split in 'split', ASCII",
      rejected: [{ path: 'row 7', code: 'text-empty' }],
      leaks: [{ kind: 'exact', train: 'row 2', other: 'row 6', split: 'test' }],
    });
    const examples = await repos.datasets.examples(id, 1);
    const pack = await readFile(store.localPath(revision.packKey!)!);
    expect(examples.map((e) => pack.toString('utf8', e.offset, e.offset + e.bytes))).toEqual([
      'a good film',
      'fine film',
      'bad film',
      'awful film',
      'a good film',
    ]);
    expect(await store.stat(`uploads/${id}`)).toBeNull();
  });

  it.each([
    ['one label', 'text,label\na b,x\nc d,x\n', "All 2 examples have the label 'x'"],
    [
      'fractions',
      `text,label\n${rows(40, (i) => (i / 7).toFixed(3))}`,
      "Is the column 'label' the label? It holds numbers with fractions",
    ],
    [
      '5,000 labels',
      `text,label\n${rows(6000, (i) => `id${i % 5000}`)}`,
      'It has 5000 different values, and at most 1000 classes',
    ],
    [
      'labels that hardly repeat',
      `text,label\n${rows(200, (i) => `id${i % 100}`)}`,
      'It has 100 different values in 200 examples',
    ],
    [
      'labels that hardly repeat, and how to answer',
      `text,user id\n${rows(200, (i) => `id${i % 100}`)}`,
      'If it is, say so: labelColumn="user id" (graft: --label-column "user id"). If not, name the column of the classes: labelColumn=… (graft: --label-column …).',
    ],
    ['a label of one', 'text,label\na b,x\nc d,x\ne f,y\n', "Label 'y' has one training example"],
    ['no table', 'once upon a time\nthere was\n', 'no table with a text and a label'],
    ['only empty texts', 'text,label\n ,x\n ,y\n', 'None of the 2 rows can be read as a text with a label.'],
  ])('asks or refuses: %s', async (_, content, words) => {
    const { revision } = await checked(content);
    expect(revision.state).toBe('invalid');
    expect(revision.error?.detail).toContain(words);
  });

  it('takes for the label what the user named: the answer to its question', async () => {
    const byUser = await checked(`text,stars,user\n${rows(200, (i) => `${i % 5},id${i % 100}`)}`, { label: 'user' });
    expect(byUser.revision).toMatchObject({ state: 'ready', columns: { label: 'user' } });
    expect(byUser.revision.summary?.labels).toHaveLength(100);
    expect(byUser.revision.report?.format).toContain("label in 'user'");
    const fractions = await checked(`text,label\n${rows(40, (i) => ((i % 20) / 7).toFixed(3))}`, { label: 'label' });
    expect(fractions.revision.state).toBe('ready');
    expect(fractions.revision.summary?.labels).toHaveLength(20);
    const bare = await checked(
      rows(200, (i) => `id${i % 100}`),
      { text: '1', label: '2' },
    );
    expect(bare.revision.summary).toMatchObject({ examples: 200, rejected: 0 });
  });

  it('asks of folders too, and takes the answer that its question names', async () => {
    const path = join(folder, 'authors.zip');
    const texts = Array.from({ length: 120 }, (_, i) => [`author ${i % 60}/${i}.txt`, `What ${i} wrote of it.`]);
    await writeZip(path, Object.fromEntries(texts));
    const [asked, said] = [
      await checked(await readFile(path)),
      await checked(await readFile(path), { label: 'folder' }),
    ];
    expect(asked.revision.error?.detail).toBe(
      "Is the folder of each text the label? It has 60 different values in 120 examples (such as 'author 0', 'author 1', 'author 10'). If it is, say so: labelColumn=folder (graft: --label-column folder). If not, put the texts of each class into one folder.",
    );
    expect(said.revision).toMatchObject({ state: 'ready', error: null });
    expect(said.revision.summary?.labels).toHaveLength(60);
  });

  it.each([
    [
      'more classes than are trained',
      `text,label\n${rows(2400, (i) => `id${i % 1200}`)}`,
      { label: 'label' },
      "What was named for the label, the column 'label', has 1200 different values, and at most 1000 classes are trained",
    ],
    [
      'more than are counted',
      `text,label\n${rows(20_001, (i) => `id${i}`)}`,
      { label: '2' },
      "The column '2' that was named for the labels has more than 20000 different values, and at most 1000",
    ],
    [
      'a column that is not there',
      'text,label,kind\na b,x,y\n',
      { split: 'part' },
      "There is no column 'part' for the split; the columns are 'text', 'label', 'kind'.",
    ],
    [
      'a column that is not there, in a table of odd texts',
      rows(8, (i) => `${'ab'[i % 2]}`).replaceAll('text number', `nul \0 and ${'x'.repeat(29)}😀 of`),
      { label: '9' },
      "There is no column '9' for the label; there are 2 columns without names, which go by their numbers from 1; the first row is 'nul \uFFFD and xxxxxxxxxxxxxxxxxxxxxxxxxxxxx😀…', 'a'.",
    ],
  ])('refuses what was named: %s', async (_, content, columns, words) => {
    const { revision } = await checked(content, columns);
    expect([revision.state, revision.error?.code]).toEqual(['invalid', 'dataset-invalid']);
    expect(revision.error?.detail).toContain(words);
  });

  it('says what it noticed of labels', async () => {
    const alike = await checked('text,label\na b,Spam\nc d,spam\ne f,Spam\ng h,spam\n');
    expect(alike.revision.report?.notes.join()).toContain("'Spam' and 'spam' differ only in case");
    const numbers = await checked('text,label\na b,1\nc d,0\ne f,1\ng h,0\n');
    expect(numbers.revision.report?.notes.join()).toContain('The labels are numbers');
  });

  it('reports labels that Postgres could not keep, row by row', async () => {
    const lines = ['x', 'y', 'x\0', 'y', '\ud800', 'x'].map((label, i) => JSON.stringify({ text: `text ${i}`, label }));
    const { revision } = await checked(lines.join('\n'));
    expect(revision).toMatchObject({ state: 'ready', summary: { examples: 4, rejected: 2 } });
    expect(revision.report?.rejected).toEqual([
      {
        path: 'row 3',
        code: 'label-malformed',
        detail: "The label 'x\uFFFD' holds a NUL or half a character. Leave it out.",
      },
      {
        path: 'row 5',
        code: 'label-malformed',
        detail: "The label '\uFFFD' holds a NUL or half a character. Leave it out.",
      },
    ]);
  });

  it.runIf(sharedData('datasets/sst2'))('reads the sentiment treebank as it is published', async () => {
    const { revision } = await checked(await readFile(join(sharedData('datasets/sst2')!, 'data/SST2/train.tsv')));
    expect(revision.summary).toMatchObject({
      examples: 6920,
      rejected: 0,
      labels: [
        { name: '0', train: 3310 },
        { name: '1', train: 3610 },
      ],
    });
  });
});

function rows(count: number, label: (i: number) => string): string {
  return Array.from({ length: count }, (_, i) => `text number ${i} of many,${label(i)}`).join('\n');
}

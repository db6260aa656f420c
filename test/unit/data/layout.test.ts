import { expect, test } from 'vitest';
import { findLabelsFile, imageLayout } from '../../../workers/data/image-layout.js';
import { distance, nearDuplicates } from '../../../workers/data/near-duplicates.js';

const entries = (...paths: string[]) => paths.map((path) => ({ path, bytes: 1 }));
const table = (layout: ReturnType<typeof imageLayout>) =>
  Object.fromEntries([...layout.examples].map(([path, { label, split }]) => [path, [label, split]]));

test('a folder per label', () => {
  expect(table(imageLayout(entries('ants/1.jpg', 'bees/2.jpg'), null))).toEqual({
    'ants/1.jpg': ['ants', null],
    'bees/2.jpg': ['bees', null],
  });
});

test('splits, under any of their names, inside wrapping folders', () => {
  const layout = imageLayout(
    entries('set/train/ants/1.jpg', 'set/val/ants/2.jpg', 'set/Valid/bees/3.jpg', 'set/test/bees/4.jpg'),
    null,
  );
  expect(table(layout)).toEqual({
    'set/train/ants/1.jpg': ['ants', 'train'],
    'set/val/ants/2.jpg': ['ants', 'validation'],
    'set/Valid/bees/3.jpg': ['bees', 'validation'],
    'set/test/bees/4.jpg': ['bees', 'test'],
  });
});

test('pictures beside the splits are training examples, and it is said', () => {
  const layout = imageLayout(entries('train/a/1.jpg', 'val/a/2.jpg', 'b/3.jpg'), null);
  expect(layout.examples.get('b/3.jpg')).toEqual({ label: 'b', split: 'train' });
  expect(layout.notes.join()).toMatch(/outside train/);
});

test('litter and other files are passed over and named', () => {
  const layout = imageLayout(entries('a/1.jpg', '__MACOSX/a/._1.jpg', 'a/.DS_Store', 'b/2.png', 'README.md'), null);
  expect([...layout.examples.keys()]).toEqual(['a/1.jpg', 'b/2.png']);
  expect(layout.notes).toHaveLength(2);
});

test('a picture in no folder has no label', () => {
  const layout = imageLayout(entries('loose.jpg', 'train/also-loose.jpg', 'a/1.jpg'), null);
  expect(layout.unlabelled.map((item) => [item.path, item.code])).toEqual([
    ['loose.jpg', 'label-missing'],
    ['train/also-loose.jpg', 'label-missing'],
  ]);
});

test('labels.csv: header, BOM, quoting, splits, and each bad row by its number', () => {
  const text =
    '\ufefffile,label,split\n"1.jpg","ants, red",train\n2.jpg,bees,val\n3.jpg,,train\n9.jpg,bees,train\n4.jpg,bees,oops\n';
  const files = entries('labels.csv', '1.jpg', '2.jpg', '3.jpg', '4.jpg', '5.jpg');
  expect(findLabelsFile(files)).toBe('labels.csv');
  const layout = imageLayout(files, { path: 'labels.csv', text });
  expect(table(layout)).toEqual({ '1.jpg': ['ants, red', 'train'], '2.jpg': ['bees', 'validation'] });
  expect(layout.unlabelled.map((item) => [item.path, item.code])).toEqual([
    ['3.jpg', 'label-missing'],
    ['labels.csv:5', 'file-missing'],
    ['4.jpg', 'split-unknown'],
    ['5.jpg', 'label-missing'],
  ]);
});

test.each([
  ['nothing', [], null, /empty/],
  ['no pictures', ['notes.txt'], null, /no pictures/],
  ['only loose pictures', ['1.jpg', '2.jpg'], null, /folder per label/],
  ['a table without a header', ['1.jpg'], '1.jpg,ants\n', /columns file and label/],
])('%s: what was found and what is expected', (_, paths, text, words) => {
  const labels = text === null ? null : { path: 'labels.csv', text };
  expect(() => imageLayout(entries(...paths), labels)).toThrow(words);
});

test('near duplicates: few bits apart and alike in colour, transitively; flat pictures never', () => {
  const colours = Array<number>(27).fill(100);
  const picture = (index: number, low: number, high: number) => ({
    index,
    hash: [low, high] as const,
    colours,
    contrast: 100,
  });
  const one = picture(0, 0b1010, 0xffff0000);
  const near = picture(1, 0b1000, 0xffff0000);
  const nearer = picture(2, 0b1000, 0xffff0003);
  const far = picture(3, 0xf0f0f0f0, 0x0f0f0f0f);
  expect(distance(one.hash, nearer.hash)).toBe(3);
  expect(nearDuplicates([one, near, nearer, far])).toEqual([[0, 1, 2]]);
  expect(nearDuplicates([one, near].map((picture) => ({ ...picture, contrast: 3 })))).toEqual([]);
  const brighter = { ...near, colours: colours.map((value) => value + 12) };
  const otherColours = { ...near, colours: colours.map((value, i) => (i % 3 === 0 ? value + 90 : value)) };
  expect(nearDuplicates([one, brighter])).toEqual([[0, 1]]);
  expect(nearDuplicates([one, otherColours])).toEqual([]);
});

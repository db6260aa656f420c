// Film reviews as rows of a table: [text, label, split].
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const linesOf = (file) => readFileSync(file, 'utf8').trimEnd().split('\n');

/** SST-2: the first `examples` of its training set, its dev split for validation (unless the job is to draw its own), its test split. */
export function sst2(data, { examples, drawn }) {
  const rows = (file, split, count) =>
    linesOf(join(data, 'datasets/sst2/data/SST2', file))
      .slice(0, count)
      .map((line) => line.split('\t'))
      .map(([text, label]) => [text, label === '1' ? 'good' : 'bad', split]);
  return [
    ...rows('train.tsv', 'train', examples),
    ...(drawn ? [] : rows('dev.tsv', 'validation')),
    ...rows('test.tsv', 'test'),
  ];
}

/**
 * rt-polarity (Pang and Lee 2005), which has no split of its own: a tenth of each label to test on, by a digest of seed and
 * text, so that copies of a sentence stay on one side.
 */
export function rtPolarity(data, { seed }) {
  const digest = (text) => createHash('sha256').update(`${seed} ${text}`).digest('hex');
  return ['neg', 'pos'].flatMap((file) => {
    const texts = linesOf(join(data, `datasets/rt-polarity/data/rt-polaritydata/rt-polarity.${file}`)).map((line) =>
      line.trim(),
    );
    const border = texts.map(digest).sort()[Math.round(texts.length / 10)];
    const label = file === 'pos' ? 'good' : 'bad';
    return texts.map((text) => [text, label, digest(text) < border ? 'test' : 'train']);
  });
}

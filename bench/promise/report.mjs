// From single results to a table, a plot and their numbers.
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BASES, DATASETS, METHODS, SIZES } from './cells.mjs';
import { plot } from './plot.mjs';

const mean = (list) => list.reduce((a, b) => a + b, 0) / list.length;
const median = (list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)];

/** One row per data set, size, base and method, over its draws. */
function summed(results) {
  const groups = new Map();
  for (const result of results) {
    const key = [result.dataset, result.size, result.base, result.method].join();
    groups.set(key, [...(groups.get(key) ?? []), result]);
  }
  return [...groups.values()].map((group) => {
    const accuracies = group.map(({ accuracy }) => accuracy);
    const { dataset, size, base, method, classes, examples, validation } = group[0];
    return {
      ...{ dataset, size, base, method, classes, examples, validation, draws: group.length },
      accuracy: mean(accuracies),
      least: Math.min(...accuracies),
      most: Math.max(...accuracies),
      seconds: median(group.map(({ seconds }) => seconds)),
    };
  });
}

const ordered = (results) => results.toSorted((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)));

/** The single results that `results.json` in `folder` keeps; none where it is not there. */
export function read(folder) {
  const path = join(folder, 'results.json');
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : [];
}

/** Writes `results.json`, `results.md` and `promise.svg` into `folder`. */
export function report(results, folder) {
  const path = join(folder, 'results.json');
  const lines = ordered(results).map((result) => JSON.stringify(result));
  writeFileSync(`${path}.part`, `[\n${lines.join(',\n')}\n]\n`);
  renameSync(`${path}.part`, path);
  const rows = summed(results);
  const versions = [...new Set(results.map(({ version }) => version))].sort();
  const days = [...new Set(results.map(({ measuredAt }) => measuredAt.slice(0, 10)))].sort();
  const bases = Object.keys(BASES).flatMap((name) => {
    const digest = results.find(({ base }) => base === name)?.baseDigest;
    return digest === undefined ? [] : [{ name, digest: `sha256:${digest}` }];
  });
  const engines = [...new Set(results.map(({ engine: e }) => `${e.executor} ${e.version}, ${e.device}`))];
  writeFileSync(join(folder, 'results.md'), markdown(rows, { versions, days, bases, engines }));
  writeFileSync(join(folder, 'promise.svg'), plot(rows));
}

function markdown(rows, { versions, days, bases, engines }) {
  const methods = Object.entries(METHODS);
  const cell = (row) => {
    if (row === undefined) return '–';
    const percent = (x) => (100 * x).toFixed(1);
    const spread = row.draws > 1 ? ` (${percent(row.least)}–${percent(row.most)}, ${row.draws} draws)` : ' (1 draw)';
    return `${percent(row.accuracy)} %${spread}, ${row.seconds.toFixed(1)} s`;
  };
  const lines = [];
  for (const base of Object.keys(BASES))
    for (const dataset of Object.keys(DATASETS))
      for (const size of SIZES) {
        const of = rows.filter((row) => row.base === base && row.dataset === dataset && row.size === size);
        if (of.length === 0) continue;
        const found = methods.map(([method]) => cell(of.find((row) => row.method === method)));
        lines.push(
          `| ${DATASETS[dataset].title} | ${base} | ${size} (${of[0].examples} in all) | ${found.join(' | ')} |`,
        );
      }
  return `# What transfer buys

Validation accuracy, the mean over draws of the training pictures (least to most), and the median of a job's seconds. Everything
but the method is left to \`auto\`: 30 passes over the pictures from scratch, at most 12 in fine-tuning. Made by
\`npm run bench:promise\`; \`–\` was not measured. The seconds are those of a machine that had other work to do, and halted some of
the longer runs for it: they say little more than which way is the longer one.

Graft ${versions.join(', ')}, ${days.join(', ')}; ${engines.join('; ')}; bases ${bases.map(({ name, digest }) => `${name} \`${digest.slice(0, 19)}\``).join(', ')}.

| pictures | base | per class | ${methods.map(([, { label }]) => label).join(' | ')} |
|---|---|---|${methods.map(() => '---').join('|')}|
${lines.join('\n')}
`;
}

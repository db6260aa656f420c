// The promise of transfer, measured through the service: how good a model gets with 10, 30 and 100 examples per class,
// from scratch, by feature extraction and by fine-tuning, everything else left to `auto`.
//   npm run bench:promise [-- --minutes 30 --bases photo-small --sizes 10,30 --methods scratch --seeds 2 --report]
// results.json beside this file keeps each result as soon as it is there, so that an ended run goes on where it was, on another
// machine too; one of another base file is measured anew, and so is what is taken out of results.json. `--minutes` begins no
// job after that long; `--report` measures nothing. Writes results.md and promise.svg as well.
import { createHash } from 'node:crypto';
import { createWriteStream, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ZipFile } from 'yazl';
import { build } from '../../scripts/build.mjs';
import { startService } from '../predict/service.mjs';
import { BASES, cellsOf, datasets, METHODS, SIZES } from './cells.mjs';
import { read, report } from './report.mjs';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '600' },
    bases: { type: 'string', default: Object.keys(BASES).join() },
    sizes: { type: 'string', default: SIZES.join() },
    methods: { type: 'string', default: Object.keys(METHODS).join() },
    seeds: { type: 'string', default: '3' },
    report: { type: 'boolean', default: false },
  },
});
const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '../..');
const digestOf = (path) => createHash('sha256').update(readFileSync(path)).digest('hex');
const digests = Object.fromEntries(
  values.bases.split(',').map((base) => [base, digestOf(join(root, BASES[base].path))]),
);
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const keyOf = ({ dataset, size, base, method, seed }) => `${dataset}-${size}-${base}-${method}-${seed}`;

const results = read(here).filter(({ base, baseDigest }) => !(base in digests) || digests[base] === baseDigest);
if (!values.report) await measure();
report(results, here);
console.log(`${results.length} results; written to ${here}`);

async function measure() {
  await build();
  const { createClient } = await import('../../dist/clients/api/client.js');
  const { random, permutation } = await import('../../dist/src/tasks/random.js');
  const home = mkdtempSync(join(tmpdir(), 'graft-promise-'));
  const sets = await datasets(home, join(root, '../shared/data/datasets'));
  const list = (text) => text.split(',');
  const cells = cellsOf(sets, {
    bases: list(values.bases),
    sizes: list(values.sizes).map(Number),
    methods: list(values.methods),
    seeds: Number(values.seeds),
  });
  const measured = new Set(results.map(keyOf));
  const todo = cells.filter((cell) => !measured.has(keyOf(cell)));
  console.log(`${cells.length} cells, ${todo.length} to measure; ${availableParallelism()} cores, graft ${version}`);
  const service = await startService(root, home);
  const client = createClient({ url: service.url });
  const end = performance.now() + Number(values.minutes) * 60_000;
  const drawn = new Map();

  /** The subset of one draw, uploaded once. */
  async function subset({ dataset, size, seed }) {
    const key = `${dataset}-${size}-${seed}`;
    if (!drawn.has(key)) {
      const { train, validation } = sets.find((set) => set.name === dataset);
      const zip = join(home, `${key}.zip`);
      const archive = new ZipFile();
      for (const [label, files] of Object.entries(train))
        for (const i of permutation(files.length, random(seed)).slice(0, size))
          archive.addFile(files[i], `train/${label}/${basename(files[i])}`, { compress: false });
      for (const [label, files] of Object.entries(validation))
        for (const file of files) archive.addFile(file, `val/${label}/${basename(file)}`, { compress: false });
      archive.end();
      await new Promise((done, failed) =>
        archive.outputStream.pipe(createWriteStream(zip)).on('close', done).on('error', failed),
      );
      const added = await patiently(() => client.datasets.add(zip, key, 'image-classification'));
      drawn.set(key, await until(added, client.datasets.get));
      rmSync(zip);
    }
    return drawn.get(key);
  }

  try {
    for (const name of list(values.bases))
      await until(await client.bases.add(join(root, BASES[name].path), `bench ${name}`), client.bases.get);
    for (const [n, cell] of todo.entries()) {
      if (performance.now() > end) break;
      const { dataset, size, base, method, seed } = cell;
      const data = await subset(cell);
      const request = {
        task: 'image-classification',
        dataset: data.id,
        base: `bench ${base}`,
        method: METHODS[method].request,
        hyperparameters: { seed },
      };
      const { id } = await patiently(() => client.jobs.create(request, keyOf(cell)));
      const job = await until({ id, state: 'queued' }, client.jobs.get);
      const result = {
        ...{ dataset, size, base, method, seed, version, baseDigest: digests[base], measuredAt: job.finishedAt },
        classes: data.summary.labels.length,
        examples: data.summary.splits.train,
        validation: data.summary.splits.validation,
        accuracy: job.metrics['validation/accuracy'],
        seconds: (Date.parse(job.finishedAt) - Date.parse(job.startedAt)) / 1000,
        load: loadavg()[0],
        ...{ hyperparameters: job.hyperparameters, engine: job.engine },
      };
      results.push(result);
      report(results, here);
      console.log(
        `${n + 1}/${todo.length} ${dataset}, ${size} per class, ${base}, ${method}, draw ${seed}: ${(100 * result.accuracy).toFixed(1)} % in ${result.seconds.toFixed(1)} s`,
      );
    }
  } finally {
    await service.stop();
    rmSync(home, { recursive: true, force: true });
  }
}

/** Asks until it is ready or has succeeded. */
async function until(thing, get) {
  for (let seen = thing; ; seen = await patiently(() => get(thing.id))) {
    if (seen.state === 'ready' || seen.state === 'succeeded') return seen;
    if (seen.error) throw new Error(`${thing.id} is ${seen.state}: ${seen.error.detail}`);
    await sleep(200);
  }
}

/** Asks again where the connection was lost: this process may have been halted for so long that the service closed it. */
async function patiently(ask) {
  for (let tries = 1; ; tries++) {
    try {
      return await ask();
    } catch (error) {
      if (error.name !== 'ConnectionError' || tries === 5) throw error;
      await sleep(1000);
    }
  }
}

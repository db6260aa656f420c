// Jobs on SST-2 with MiniLM against the same in transformers and PyTorch eager with the same weights, in turns on the same cores.
//   npm run bench:text [-- rounds [--engine tensorflow] [--only features|epoch] [--texts N] [--examples N]]
// Feature extraction on the first N sentences (all 6,920), SST-2's dev split for validation: wall time from POST to `succeeded`, the base and
// the service warm, the feature cache emptied before it; PyTorch's batches in the order given, which the bar is for, and sorted by
// length, which spares it most padding. Fine-tuning: one epoch of the first N sentences (2,000) in batches of 16,
// the steps alone on both sides, the word table frozen on both where the job chose so. Exits with 1 where a bar is missed.
// `--engine tensorflow` needs the engine in GRAFT_HOME (.graft): npm run engine:tensorflow.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { startLines } from '../feature-extraction/peer.mjs';
import { call, startService } from '../predict/service.mjs';
import { addMinilm, addTable, trained } from './setup.mjs';

const { values, positionals } = parseArgs({
  options: {
    engine: { type: 'string', default: 'onnxruntime' },
    only: { type: 'string' },
    texts: { type: 'string', default: '6920' },
    examples: { type: 'string', default: '2000' },
  },
  allowPositionals: true,
});
const rounds = Number(positionals[0] ?? 3);
const { engine } = values;
const [TEXTS, EXAMPLES] = [Number(values.texts), Number(values.examples)];
const wants = (what) => (values.only ?? what) === what;
const BATCH = 16;
const BARS = {
  'feature extraction / PyTorch': 0.6,
  // The bar of the engine that `auto` takes of both; with onnxruntime alone it is 1.0.
  'fine-tuning epoch / PyTorch': 0.9,
};

const root = join(import.meta.dirname, '../..');
const out = join(root, 'bench/out');
const data = join(root, '../shared/data');
const minilm = join(data, 'models/minilm-l6-v2');
const sst2 = join(data, 'datasets/sst2/data/SST2');
for (const needed of [minilm, sst2]) {
  if (existsSync(needed)) continue;
  console.error(`${needed} is not there; nothing was measured.`);
  process.exit(1);
}
const rows = (file) =>
  readFileSync(join(sst2, file), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => line.split('\t'));
const [train, dev] = [rows('train.tsv').slice(0, Math.max(TEXTS, EXAMPLES)), rows('dev.tsv')];
const labelled = (list, split) => list.map(([text, label]) => [text, label === '1' ? 'good' : 'bad', split]);
const forPeer = (list) => ({ texts: list.map(([text]) => text), labels: list.map(([, label]) => Number(label)) });

mkdirSync(out, { recursive: true });
const home = mkdtempSync(join(tmpdir(), 'graft-bench-'));
if (engine === 'tensorflow')
  symlinkSync(join(resolve(process.env.GRAFT_HOME ?? '.graft'), 'engines'), join(home, 'engines'));
const table = join(home, 'table.json');
writeFileSync(table, JSON.stringify({ ...forPeer(train), validation: forPeer(dev) }));

/** Seconds of the epoch's steps, with what they waited for, as the job's own log says. */
async function epochOf(url, { id }, steps) {
  let pace = null;
  for (let page = { hasMore: true, nextCursor: '' }; page.hasMore && pace === null; ) {
    const after = page.nextCursor === '' ? '' : `&after=${page.nextCursor}`;
    page = await call(url, `/v1/jobs/${id}/events?limit=100${after}`);
    pace = page.data.find((event) => event.data?.pace)?.data.pace ?? null;
  }
  if (pace === null) throw new Error(`The events of job ${id} do not tell how long a step took.`);
  return (steps * (pace.stepMs + pace.waitMs)) / 1000;
}

const service = await startService(root, home);
const peer = await startLines(out, [join(import.meta.dirname, 'peer.py'), minilm, table]);
const seen = { features: [], epoch: [], peerFeatures: [], peerSorted: [], peerEpoch: [] };
try {
  await addMinilm(service.url, data, home);
  const add = (name, list) =>
    addTable(
      service.url,
      name,
      ['text', 'label', 'split'],
      [...labelled(list, 'train'), ...labelled(dev, 'validation')],
    );
  const all = await add('sst2', train.slice(0, TEXTS));
  const few = await add('sst2 first', train.slice(0, EXAMPLES));
  const extract = async () => {
    const { job } = await trained(service.url, { dataset: all.id, base: 'minilm', engine: 'onnxruntime' });
    const seconds = (Date.parse(job.finishedAt) - Date.parse(job.createdAt)) / 1000;
    return { seconds, accuracy: job.metrics['validation/accuracy'] };
  };
  const tune = async () => {
    const hyperparameters = { epochs: 1, batchSize: BATCH };
    const method = { type: 'fineTuning', layers: 'all' };
    const { job } = await trained(service.url, { dataset: few.id, base: 'minilm', engine, method, hyperparameters });
    return { seconds: await epochOf(service.url, job, Math.ceil(EXAMPLES / BATCH)), job };
  };
  console.log(`${availableParallelism()} cores, load ${loadavg()[0].toFixed(1)}, torch ${peer.about.torch}; warming`);
  const told = (what, ours, theirs) =>
    console.log(
      `${what}: ${ours.seconds.toFixed(2)} s, PyTorch's ${theirs.seconds.toFixed(2)} s; load ${loadavg()[0].toFixed(1)}`,
    );
  if (wants('features')) {
    await extract();
    await peer.job('features 320 given');
  }
  for (let round = 1; round <= rounds; round++) {
    if (wants('features')) {
      rmSync(join(home, 'cache/features'), { recursive: true, force: true });
      const ours = await extract();
      const [theirs, sorted] = [await peer.job(`features ${TEXTS} given`), await peer.job(`features ${TEXTS} sorted`)];
      seen.features.push(ours.seconds);
      seen.peerFeatures.push(theirs.seconds);
      seen.peerSorted.push(sorted.seconds);
      const accuracies = [ours, theirs].map(({ accuracy }) => accuracy.toFixed(3)).join(' and ');
      told(
        `round ${round}, features of ${TEXTS} (accuracy ${accuracies}; PyTorch sorted by length ${sorted.seconds.toFixed(2)} s)`,
        ours,
        theirs,
      );
    }
    if (wants('epoch')) {
      const ours = await tune();
      const { embeddings } = ours.job.hyperparameters;
      const theirs = await peer.job(`epoch ${EXAMPLES} ${BATCH} ${embeddings}`);
      seen.epoch.push(ours.seconds);
      seen.peerEpoch.push(theirs.seconds);
      told(
        `round ${round}, epoch of ${EXAMPLES} on ${ours.job.engine.executor} (word table ${embeddings})`,
        ours,
        theirs,
      );
    }
  }
} finally {
  peer.stop();
  await service.stop();
  rmSync(home, { recursive: true, force: true });
}
const median = (list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)];
const results = {
  ...(wants('features') && { 'feature extraction / PyTorch': median(seen.features) / median(seen.peerFeatures) }),
  ...(wants('epoch') && { 'fine-tuning epoch / PyTorch': median(seen.epoch) / median(seen.peerEpoch) }),
};
if (wants('features'))
  console.log(
    `feature extraction / PyTorch sorted by length: ${(median(seen.features) / median(seen.peerSorted)).toFixed(2)}`,
  );
let missed = 0;
for (const [name, value] of Object.entries(results)) {
  if (value > BARS[name]) missed++;
  console.log(`${value > BARS[name] ? 'MISSED' : 'ok    '} ${name}: ${value.toFixed(2)} (<= ${BARS[name]})`);
}
process.exit(missed === 0 ? 0 : 1);

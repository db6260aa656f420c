// Predictions for 1,000 short texts in one call over HTTP, against onnxruntime alone on the exported file with the same
// batches of ready token ids (all of the call sorted by length) and the same options of the session; and how many sentences
// a second the prediction process's tokenizer reads on as many threads.
//   npm run bench:text-predict [-- rounds]
// MiniLM and sentences of SST-2. Prints a line a round, then medians and their ratio; exits with 1 below a bar.
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { call, download, startService } from '../predict/service.mjs';
import { addMinilm, addTable, trained } from './setup.mjs';

const root = join(import.meta.dirname, '../..');
const out = join(root, 'bench/out');
const data = join(root, '../shared/data');
const rounds = Number(process.argv[2] ?? 5);
const THREADS = 2;
const BAR = { ratio: 0.9, sentences: 20_000 };
const dist = (path) => import(new URL(`../../dist/${path}`, import.meta.url).href);

const lines = readFileSync(join(data, 'datasets/sst2/data/SST2/train.tsv'), 'utf8').trimEnd().split('\n');
const sentences = lines.map((line) => line.split('\t'));
const texts = sentences.slice(0, 1000).map(([text]) => text);

/** The newest model of the folder, trained on 600 sentences if there is none: what it says does not matter here. */
async function trainedModel(url, scratch) {
  const known = (await call(url, '/v1/models?limit=1')).data[0];
  if (known) return known;
  mkdirSync(scratch, { recursive: true });
  const base = await addMinilm(url, data, scratch);
  const rows = sentences.slice(0, 600).map(([text, label]) => [text, `label ${label}`]);
  const dataset = await addTable(url, 'sentences', ['text', 'label'], rows);
  return (await trained(url, { dataset: dataset.id, base: base.id })).model;
}

/** onnxruntime alone: the exported file, ids ready, in the batches that the prediction process makes. */
async function bare(folder, text) {
  const { openTokenizer } = await dist('workers/data/text/tokenizer.js');
  const { openTextTokenizer } = await dist('workers/serving/tokenizer.js');
  const { lengthBatches, textFeeds, tokenTexts } = await dist('workers/data/text/batches.js');
  const files = ['tokenizer.json', 'tokenizer_config.json', 'vocab.txt', 'config.json'];
  const contents = Object.fromEntries(files.map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
  const tokenizer = openTokenizer(contents);
  const serving = await openTextTokenizer({ files: Buffer.from(JSON.stringify(contents)), threads: THREADS });
  const { SESSION_EXTRA } = await dist('workers/serving/loaded-trunk.js');
  const options = { intraOpNumThreads: THREADS, extra: SESSION_EXTRA };
  const session = await InferenceSession.create(join(folder, 'model.onnx'), options);
  const inputs = session.inputMetadata.map(({ name, type }) => ({ name, dataType: type }));
  const tokens = tokenTexts(texts.map((one) => tokenizer.encode(one, text.maxLength).ids));
  const feeds = lengthBatches(tokens.starts, text.maxLength).map((batch) => {
    const feed = Object.entries(textFeeds(inputs, text, tokens, batch));
    return Object.fromEntries(feed.map(([name, t]) => [name, new Tensor(t.dataType, t.data, t.dims)]));
  });
  const run = async () => {
    for (const feed of feeds) await session.run(feed, ['probabilities']);
  };
  /** Sentences a second. */
  const tokenized = async () => {
    const started = performance.now();
    await Promise.all(sentences.map(([one]) => serving.encode(one, text.maxLength, {})));
    return (sentences.length / (performance.now() - started)) * 1000;
  };
  return { run, tokenized, passes: feeds.length, close: () => serving.close() };
}

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const timed = async (run) => {
  const started = performance.now();
  await run();
  return performance.now() - started;
};

const home = join(out, 'text-predict-home');
mkdirSync(home, { recursive: true });
const service = await startService(root, home);
try {
  const model = await trainedModel(service.url, join(out, 'text-predict-data'));
  const folder = join(out, 'text-predict-model');
  const files = (await call(service.url, `/v1/models/${model.id}/files`)).data.map(({ name }) => name);
  await download(service.url, model, folder, files);
  const alone = await bare(folder, model.text);
  const body = JSON.stringify({ inputs: texts.map((text) => ({ text })), top: 1 });
  const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body };
  const ask = async () => {
    const { predictions } = await call(service.url, `/v1/models/${model.id}/predict`, init);
    if (predictions.length !== texts.length || predictions.some((one) => one.error))
      throw new Error(`not every text was answered: ${JSON.stringify(predictions.find((one) => one.error))}`);
  };
  // Both have their graphs loaded and their code compiled before anything counts.
  await ask();
  await alone.run();
  await alone.tokenized();
  const seen = { graft: [], bare: [], tokenized: [] };
  for (let round = 0; round < rounds; round++) {
    const both = [
      ['graft', ask],
      ['bare', alone.run],
    ];
    for (const [name, run] of round % 2 === 0 ? both : both.toReversed()) seen[name].push(await timed(run));
    seen.tokenized.push(await alone.tokenized());
    const last = Object.values(seen).map((list) => list.at(-1).toFixed(0));
    console.log(`Graft ${last[0]} ms, onnxruntime alone ${last[1]} ms, ${last[2]} sentences/s tokenized`);
  }
  const ratio = median(seen.bare.map((ms, i) => ms / seen.graft[i]));
  const tokenized = median(seen.tokenized);
  console.log(
    `1,000 texts in one call: ${median(seen.graft).toFixed(0)} ms against ${median(seen.bare).toFixed(0)} ms in ${alone.passes} passes, ` +
      `${ratio.toFixed(2)}x of its speed (bar ${BAR.ratio}); ${tokenized.toFixed(0)} sentences/s tokenized on ${THREADS} threads (bar ${BAR.sentences})`,
  );
  alone.close();
  if (ratio < BAR.ratio || tokenized < BAR.sentences) process.exitCode = 1;
} finally {
  await service.stop();
}

// `npm run test:python-client`: generates a Python client from openapi.yaml and lets it do the main job on a service that
// is started for it. Needs Python 3.10 or newer and PyPI; keeps its environment in node_modules/.cache.
// With `-- --prepare` only makes that environment.
// With `-- --texts` also trains classifiers of texts, on a base that takes any length and on one that is fixed to one, and reads their
// downloaded folders with transformers' tokenizer and onnxruntime, and by the Python of their cards; where GRAFT_TEST_OPTIMUM names
// a Python that has optimum-onnx and its torch, with that too.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { ZipFile } from 'yazl';
import { build } from './build.mjs';

const GENERATOR = 'openapi-python-client==0.29.1';
const READERS = ['transformers==5.24.0', 'onnxruntime==1.32.0'];
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const data = join(root, '../shared/data');
const base = join(data, 'models/mobilenetv2-1.0-imagenet-backbone.onnx');
const photos = join(data, 'datasets/hymenoptera');
if (!existsSync(base) || !existsSync(photos)) {
  if (process.env.CI === 'true') throw new Error(`In CI the shared data must be there: ${data}`);
  console.log(`${data} is absent: the walk-through of the Python client is left out.`);
  process.exit(0);
}

const python = ['python3', 'python'].find((name) => {
  try {
    execFileSync(name, ['-c', 'import sys; assert sys.version_info >= (3, 10)'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
});
if (python === undefined) throw new Error('This test needs Python 3.10 or newer on PATH.');
const cache = join(root, 'node_modules/.cache/python-client');
const bin = join(cache, 'venv/bin');
if (!existsSync(join(bin, 'openapi-python-client'))) {
  mkdirSync(cache, { recursive: true });
  execFileSync(python, ['-m', 'venv', join(cache, 'venv')], { stdio: 'inherit' });
  execFileSync(join(bin, 'pip'), ['install', '-q', '--disable-pip-version-check', GENERATOR], { stdio: 'inherit' });
}
if (process.argv.includes('--prepare')) process.exit(0);
const client = join(cache, 'graft_client');
rmSync(client, { recursive: true, force: true });
// It warns of media types that it leaves out (raw bodies); what it writes must still do the whole job.
execFileSync(
  join(bin, 'openapi-python-client'),
  ['generate', '--path', join(root, 'openapi.yaml'), '--output-path', client, '--meta', 'none'],
  {
    stdio: ['ignore', 'ignore', 'inherit'],
  },
);

/** text-small as a file that takes texts of so many tokens only, as some exporters write them. */
async function addFixedBase(name, length) {
  const { decodeModel, encodeModel } = await import(pathToFileURL(join(root, 'dist/src/onnx/index.js')).href);
  const small = join(root, 'bases/text-small');
  const model = decodeModel(readFileSync(join(small, 'text-small.onnx')));
  const inputs = model.graph.inputs.map((input) => ({ ...input, shape: [input.shape[0], length] }));
  const zip = new ZipFile();
  zip.addBuffer(Buffer.concat(encodeModel({ ...model, graph: { ...model.graph, inputs } })), 'model.onnx');
  for (const file of ['config.json', 'tokenizer.json', 'tokenizer_config.json']) zip.addFile(join(small, file), file);
  zip.end();
  const body = new FormData();
  body.append('name', name);
  body.append('file', new Blob([await buffer(zip.outputStream)]), `${name}.zip`);
  const answer = await fetch(`${url}/v1/bases`, { method: 'POST', body });
  if (!answer.ok) throw new Error(`${name}: ${answer.status} ${await answer.text()}`);
}

await build();
const home = mkdtempSync(join(tmpdir(), 'graft-python-'));
const port = 20_000 + (process.pid % 20_000);
const url = `http://127.0.0.1:${port}`;
const service = spawn(process.execPath, [join(root, 'scripts/start.mjs')], {
  cwd: root,
  env: { ...process.env, GRAFT_HOME: home, PORT: `${port}`, DATABASE_URL: '', QUEUE_URL: '' },
  stdio: ['ignore', 'inherit', 'inherit'],
});
const gone = new Promise((done) => service.once('exit', done));
try {
  for (let waited = 0; ; waited += 200) {
    const answer = await fetch(`${url}/readyz`).catch(() => null);
    if (answer?.ok) break;
    if (waited > 60_000 || service.exitCode !== null) throw new Error('The service did not become ready.');
    await sleep(200);
  }
  const { archiveOf } = await import(pathToFileURL(join(root, 'dist/clients/cli/zip-folder.js')).href);
  const archive = await archiveOf(photos);
  const photo = join(photos, 'val/bees', readdirSync(join(photos, 'val/bees')).sort()[0]);
  const script = join(root, 'test/python-client/walkthrough.py');
  execFileSync(join(bin, 'python'), [script, url, base, archive.path, photo, '--label', 'bees'], {
    stdio: 'inherit',
    env: { ...process.env, PYTHONPATH: cache },
  });
  await archive.dispose();
  if (process.argv.includes('--texts')) {
    // Compiling all of transformers beforehand takes longer than all that is used of it.
    const install = ['install', '-q', '--no-compile', '--disable-pip-version-check', ...READERS];
    execFileSync(join(bin, 'pip'), install, { stdio: 'inherit' });
    await addFixedBase('text-small-64', 64);
    const optimum = process.env.GRAFT_TEST_OPTIMUM;
    const read = (python, ...options) => {
      const folder = mkdtempSync(join(home, 'texts-'));
      const program = join(root, 'test/python-client/texts.py');
      execFileSync(python, [program, url, folder, ...options], { stdio: 'inherit' });
    };
    for (const base of ['text-small', 'text-small-64']) {
      read(join(bin, 'python'), '--base', base, '--card');
      if (optimum) read(optimum, '--base', base, '--optimum');
    }
  }
} finally {
  service.kill('SIGTERM');
  await gone;
  rmSync(home, { recursive: true, force: true });
}

import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sharedData } from '../support/data.js';
import { HUB_TOKEN, type HubServer, startHub } from '../support/hub-server.js';
import { httpOf } from './support/http.js';
import { ROOT, type Service, startService } from './support/service.js';

/** Bases from a model hub, from the command line and over HTTP; the hub is one on this machine. */
let hub: HubServer;
let service: Service;
let http: ReturnType<typeof httpOf>;
beforeAll(async () => {
  hub = await startHub();
  service = await startService({ env: { GRAFT_HUB_URL: hub.url, GRAFT_HUB_TOKEN: HUB_TOKEN, NO_PROXY: '127.0.0.1' } });
  http = httpOf(service);
});
afterAll(async () => {
  await service?.stop();
  await hub?.close();
});

const graft = (...args: string[]) =>
  promisify(execFile)(process.execPath, [join(ROOT, 'bin/graft.mjs'), ...args], {
    env: { ...process.env, GRAFT_URL: service.url },
  });
const MODEL = gunzipSync(readFileSync(join(ROOT, 'test/fixtures/networks/resnet18.onnx.gz')));
const SETTINGS = {
  size: { shortest_edge: 40 },
  crop_size: 32,
  image_mean: [0.5, 0.5, 0.5],
  image_std: [0.5, 0.5, 0.5],
};

test('a private repository at a branch becomes a base, though its connection is cut on the way', async () => {
  const commit = hub.push('org/small-net', {
    files: { 'onnx/model.onnx': MODEL, 'preprocessor_config.json': JSON.stringify(SETTINGS), 'README.md': '# Net' },
    access: 'private',
    tags: ['license:apache-2.0'],
  });
  hub.faults.set('onnx/model.onnx', { after: 500, next: 'cut', times: 1 });
  const { stdout } = await graft('bases', 'add', 'hub:org/small-net@main', '--name', 'net from the hub');
  expect(stdout).toMatch(/^base_\w{26} {2}net from the hub {2}ready/);
  expect(stdout).toContain(`from org/small-net on the hub, commit ${commit}`);
  const base = (await http.get('/v1/bases/net from the hub')).body;
  expect(base).toMatchObject({
    ...{ state: 'ready', license: 'apache-2.0', bytes: MODEL.length, progress: null, waiting: null, error: null },
    source: { hub: 'org/small-net', revision: 'main', commit },
    preprocessing: { mean: [0.5, 0.5, 0.5] },
  });
  expect(hub.requests.some(({ at, token }) => at === 'cdn' && token !== null)).toBe(false);
  const left = join(service.home, 'hub');
  expect(existsSync(left) ? readdirSync(left) : []).toEqual([]);
  expect(service.output()).not.toContain(HUB_TOKEN);
});

test('what the hub does not have ends the command with the reason', async () => {
  const failed = await graft('bases', 'add', 'hub:org/small-net@v9', '--name', 'x').catch((error) => error);
  expect(failed.code).toBe(1);
  expect(failed.stderr).toMatch(/hub-not-found.*'org\/small-net'.*has no revision 'v9'/s);
  hub.push('org/weights', { files: { 'model.safetensors': 'x' } });
  const { body } = await http.post('/v1/bases', { hub: 'org/weights' });
  const base = await http.until(`/v1/bases/${body.id}`, ({ state }) => state === 'invalid');
  expect(base.error).toMatchObject({ code: 'base-invalid' });
  expect(base.error.detail).toContain('optimum-cli export onnx --model org/weights');
});

const minilm = sharedData('models/minilm-l6-v2');
test.runIf(minilm !== null)('MiniLM, as the hub holds it', async () => {
  const names = ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'vocab.txt', 'onnx/model.onnx'];
  const files = Object.fromEntries(names.map((name) => [name, readFileSync(join(minilm!, name))]));
  hub.push('sentence-transformers/all-MiniLM-L6-v2', {
    files: { ...files, '1_Pooling/config.json': '{"pooling_mode_mean_tokens": true}', 'model.safetensors': 'x' },
  });
  const { stdout } = await graft('bases', 'add', 'hub:sentence-transformers/all-MiniLM-L6-v2');
  expect(stdout).toContain('all-MiniLM-L6-v2  ready');
  expect(stdout).toContain('texts of up to 512 tokens, mean of their vectors');
});

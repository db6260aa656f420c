import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { build } from '../../../scripts/build.mjs';
import { type PredictClient, predictClient } from '../../../src/services/predict-client.js';
import type { ServedModel } from '../../../src/services/predict-protocol.js';
import { freePort } from '../../support/net.js';
import { PREPROCESSING } from '../../support/predict.js';
import { until } from '../../support/until.js';

const SCRIPT = join(import.meta.dirname, '../../support/fragile-predictor.mjs');
const model: ServedModel = {
  id: 'mdl_p',
  task: 'image-classification',
  base: { id: 'base_p', digest: 'sha256:0' },
  cut: 'features',
  headKey: 'models/mdl_p/head',
  labels: ['fine', 'not'],
  preprocessing: PREPROCESSING,
  text: null,
};
let client: PredictClient;
let child: ChildProcess;
let port: number;
let deaths = 0;
/** Whether a process that ends stays away. */
let held = false;

/** As the supervisor does: a process that ends is started again. */
function start(): void {
  child = spawn(process.execPath, [SCRIPT, String(port)], { stdio: 'inherit' });
  child.once('exit', () => {
    deaths += 1;
    if (!held) start();
  });
}
beforeAll(async () => {
  await build();
  port = await freePort();
  client = predictClient({ predictUrl: `http://127.0.0.1:${port}` });
  start();
  await until(async () => void (await ask('a picture')));
});
afterAll(async () => {
  held = true;
  child.kill('SIGKILL');
  await client.close();
});

const ask = (picture: string, signal?: AbortSignal) =>
  client.predict({ model, inputs: [{ kind: 'image', bytes: Buffer.from(picture) }], top: 1 }, signal);

it('a picture that kills the process fails alone; all that were beside it, or come meanwhile, are answered', async () => {
  const beside = Array.from({ length: 20 }, (_, i) => ask(`picture ${i}`));
  const poisons = [ask('POISON'), ask('POISON too')];
  const results = Promise.allSettled(poisons);
  const later: Promise<unknown>[] = [];
  for (let i = 0; i < 10; i++) {
    await new Promise((resolve) => setTimeout(resolve, 30));
    later.push(ask(`later ${i}`));
  }
  for (const result of await results)
    expect(result).toMatchObject({
      status: 'rejected',
      reason: { code: 'internal', detail: expect.stringContaining('this one alone') },
    });
  for (const answer of await Promise.all([...beside, ...later]))
    expect(answer).toMatchObject({ predictions: [{ label: 'fine' }] });
  expect(deaths).toBeGreaterThanOrEqual(3);
  expect(deaths).toBeLessThanOrEqual(4);
});

it('one whose caller left meanwhile is not sent again', async () => {
  const before = deaths;
  held = true;
  const gone = new AbortController();
  const poison = ask('POISON', gone.signal);
  await until(() => expect(deaths).toBe(before + 1), 5_000, 5);
  gone.abort();
  await expect(poison).rejects.toThrow();
  held = false;
  start();
  await ask('a picture');
  expect(deaths).toBe(before + 1);
});

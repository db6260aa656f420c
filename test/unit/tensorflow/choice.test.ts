import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Job, Method } from '../../../src/domain/types.js';
import { engineRegistry } from '../../../workers/engines.js';
import { MANIFEST, tensorflowFolder } from '../../../workers/executors/tensorflow/installation.js';
import type { Probe } from '../../../workers/executors/tensorflow/probe.js';

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'graft-choice-'));
});
afterEach(() => rm(home, { recursive: true, force: true }));

async function installed(addon = 'a-1/addon.node'): Promise<void> {
  const manifest = { format: 1, flavour: 'cpu', tensorflow: '2.18.1', tfjs: '4.22.0', addon, stack: 'a' };
  await mkdir(tensorflowFolder(home), { recursive: true });
  await writeFile(join(tensorflowFolder(home), MANIFEST), JSON.stringify(manifest));
}
const CPU: Probe = { usable: true, version: '2.18.1', device: 'cpu', gpu: false };
const GPU: Probe = { usable: true, version: '2.18.1', device: 'NVIDIA A10', gpu: true };
const BROKEN: Probe = { usable: false, reason: 'It cannot be loaded.' };
const registry = (probe: Probe, engine: 'auto' | 'onnxruntime' | 'tensorflow' = 'auto') =>
  engineRegistry({ home, engine }, async () => probe);

const jobOf = (type: Method['type']) => ({ method: { type } as Method }) satisfies Pick<Job, 'method'>;

test.each([
  ['auto', 'fineTuning', CPU, 'tensorflow'],
  ['auto', 'scratch', CPU, 'tensorflow'],
  ['auto', 'featureExtraction', CPU, 'onnxruntime'],
  ['auto', 'featureExtraction', GPU, 'tensorflow'],
  ['auto', 'fineTuning', BROKEN, 'onnxruntime'],
  ['onnxruntime', 'fineTuning', GPU, 'onnxruntime'],
  ['tensorflow', 'featureExtraction', CPU, 'tensorflow'],
  ['tensorflow', 'fineTuning', BROKEN, null],
] as const)('%s for %s, %o: %s', async (requested, method, probe, executor) => {
  await installed();
  const choice = await registry(probe).choose(requested, jobOf(method));
  expect(choice?.executor ?? null).toBe(executor);
  expect(choice === null || choice.why.length > 10).toBe(true);
});

test('a step is timed where TensorFlow and onnxruntime share a processor and the choice is free', async () => {
  await installed();
  const timed = async (probe: Probe, requested: Job['engineRequested'], job = jobOf('fineTuning')) =>
    (await registry(probe).choose(requested, job))?.timed;
  expect(await timed(CPU, 'auto')).toBe(true);
  expect(await timed(CPU, 'tensorflow')).toBe(false);
  expect(await timed(GPU, 'auto')).toBe(false);
  expect(await timed(BROKEN, 'auto')).toBe(false);
  expect(await timed(CPU, 'auto', jobOf('featureExtraction'))).toBe(false);
});

test('a worker that is set to one engine trains on it or on nothing, unless the job asks for another', async () => {
  await installed();
  expect((await registry(CPU, 'onnxruntime').choose('auto', jobOf('fineTuning')))?.executor).toBe('onnxruntime');
  expect((await registry(CPU, 'onnxruntime').choose('tensorflow', jobOf('fineTuning')))?.executor).toBe('tensorflow');
  expect(await registry(BROKEN, 'tensorflow').choose('auto', jobOf('fineTuning'))).toBeNull();
  expect((await registry(BROKEN, 'tensorflow').choose('onnxruntime', jobOf('fineTuning')))?.executor).toBe(
    'onnxruntime',
  );
});

test('an installation is found when it comes, tried once, and missed when it goes', async () => {
  let tries = 0;
  const engines = engineRegistry({ home }, async () => {
    tries++;
    return CPU;
  });
  const tensorflow = async () => (await engines.current()).find((e) => e.executor === 'tensorflow')!;
  expect(await tensorflow()).toMatchObject({
    usable: false,
    reason: expect.stringContaining('npm run engine:tensorflow'),
  });
  await installed();
  expect(await tensorflow()).toMatchObject({ usable: true, version: '2.18.1', device: 'cpu', reason: null });
  await Promise.all([tensorflow(), tensorflow()]);
  expect(tries).toBe(1);
  await installed('b-2/addon.node');
  expect((await tensorflow()).usable).toBe(true);
  expect(tries).toBe(2);
  await rm(tensorflowFolder(home), { recursive: true });
  expect((await tensorflow()).usable).toBe(false);
});

test('an engine in doubt is tried anew before it is chosen again', async () => {
  await installed();
  const answers = [GPU, CPU, BROKEN];
  const engines = engineRegistry({ home }, async () => answers.shift()!);
  const next = async () => {
    const choice = await engines.choose('auto', jobOf('fineTuning'));
    return [choice!.executor, choice!.device];
  };
  expect(await next()).toEqual(['tensorflow', 'NVIDIA A10']);
  engines.doubt('onnxruntime');
  expect(await next()).toEqual(['tensorflow', 'NVIDIA A10']);
  engines.doubt('tensorflow');
  expect(await next()).toEqual(['tensorflow', 'cpu']);
  engines.doubt('tensorflow');
  expect(await next()).toEqual(['onnxruntime', 'cpu']);
});

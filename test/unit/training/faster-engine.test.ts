import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { decodeModel } from '../../../src/onnx/index.js';
import { fasterEngine } from '../../../workers/training/engine-times/faster-engine.js';
import type { TimeAnswer, TimedRun } from '../../../workers/training/engine-times/messages.js';
import type { RunSpec } from '../../../workers/training/messages.js';

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'graft-times-'));
});
afterEach(() => rm(home, { recursive: true, force: true }));

const VERSIONS = ['1.30.0', 'a/addon.node'];
/** What of a run's description counts here. */
const specOf = (changes: object = {}): RunSpec =>
  ({
    base: { path: '/base.onnx', digest: 'd1' },
    cut: 'features',
    width: 64,
    method: { type: 'fineTuning', layers: 4 },
    input: { kind: 'image', preprocessing: { crop: 32 } },
    hyperparameters: { batchSize: 'auto', optimizer: 'auto' },
    examples: Array.from({ length: 20 }),
    threads: 2,
    engine: { executor: 'tensorflow', addonPath: 'a/addon.node' },
    engineTimes: join(home, 'cache/engine-times.json'),
    ...changes,
  }) as unknown as RunSpec;

/** Answers for each engine, and what was asked. */
function timing(onnxruntime: TimeAnswer, tensorflow: TimeAnswer) {
  const asked: TimedRun[] = [];
  let begun = 0;
  const find = (spec: RunSpec, versions = VERSIONS) =>
    fasterEngine(
      spec,
      versions,
      () => begun++,
      async (run, { executor, addonPath }) => {
        expect(addonPath).toBe(executor === 'tensorflow' ? 'a/addon.node' : null);
        asked.push(run);
        return executor === 'tensorflow' ? tensorflow : onnxruntime;
      },
    );
  return { find, asked, begun: () => begun };
}

test('the engine whose step takes less time, with both times; the next run of the same is not timed', async () => {
  const { find, asked, begun } = timing({ ms: 219.4 }, { ms: 285 });
  const found = await find(specOf());
  expect(found).toEqual({
    executor: 'onnxruntime',
    why: 'a step of 8 examples takes 219 ms on it, as timed on this machine, and 285 on tensorflow',
  });
  // Each engine twice, in turns.
  expect(asked).toHaveLength(4);
  expect(asked[0]).toMatchObject({ layers: 4, batch: 8, optimizer: 'adamw', live: true });
  // Another file with the same bytes, more of the same examples.
  const again = specOf({ base: { path: '/elsewhere.onnx', digest: 'd1' }, examples: Array.from({ length: 500 }) });
  expect(await find(again)).toEqual(found);
  expect(asked).toHaveLength(4);
  expect(begun()).toBe(1);
});

test('a network for texts is timed on texts of 64 tokens, or of as many as it reads', async () => {
  const { find, asked } = timing({ ms: 30 }, { ms: 20 });
  const input = (maxLength: number) => ({ kind: 'text', text: { maxLength, inputs: { ids: 'input_ids' } } });
  expect((await find(specOf({ input: input(512) })))?.executor).toBe('tensorflow');
  expect(asked.at(-1)).toMatchObject({ input: { kind: 'text', length: 64, words: false } });
  await find(specOf({ input: input(32), method: { type: 'scratch' } }));
  expect(asked.at(-1)).toMatchObject({ input: { length: 32, words: true }, layers: 'all' });
});

test('TensorFlow must be faster by a tenth, since measuring is slower on it', async () => {
  expect((await timing({ ms: 100 }, { ms: 95 }).find(specOf()))?.executor).toBe('onnxruntime');
  const other = specOf({ cut: 'below' });
  expect((await timing({ ms: 100 }, { ms: 85 }).find(other))?.executor).toBe('tensorflow');
});

test('another network, depth, picture size, engine or number of cores is timed anew', async () => {
  const { find, asked } = timing({ ms: 30 }, { ms: 20 });
  expect((await find(specOf()))?.executor).toBe('tensorflow');
  const others: object[] = [
    { base: { path: '/base.onnx', digest: 'd2' } },
    { method: { type: 'scratch' } },
    { input: { kind: 'image', preprocessing: { crop: 64 } } },
    { threads: 4 },
    { hyperparameters: { batchSize: 4, optimizer: 'sgd', batchNorm: 'frozen' } },
  ];
  for (const [i, changes] of others.entries()) {
    await find(specOf(changes));
    expect(asked, JSON.stringify(changes)).toHaveLength(4 * (i + 2));
  }
  expect(asked.at(-1)).toMatchObject({ batch: 4, optimizer: 'sgd', live: false });
  await find(specOf(), ['1.31.0', 'a/addon.node']);
  expect(asked).toHaveLength(4 * (others.length + 2));
});

test('an engine that cannot be timed is not trained on, and nothing of it is kept', async () => {
  const failed = { failed: 'Pad: no kernel' };
  expect(await timing({ ms: 30 }, failed).find(specOf())).toEqual({
    executor: 'onnxruntime',
    why: 'a step on TensorFlow could not be timed: Pad: no kernel',
  });
  expect((await timing(failed, { ms: 30 }).find(specOf()))?.executor).toBe('tensorflow');
  expect(await timing(failed, failed).find(specOf())).toBeNull();
  expect((await timing({ ms: 30 }, { ms: 20 }).find(specOf()))?.executor).toBe('tensorflow');
});

test('a damaged file of times is one with none', async () => {
  const spec = specOf();
  await timing({ ms: 30 }, { ms: 20 }).find(spec);
  await writeFile(spec.engineTimes, '{"half');
  const { find, asked } = timing({ ms: 10 }, { ms: 20 });
  expect((await find(spec))?.executor).toBe('onnxruntime');
  expect(asked).toHaveLength(4);
  expect(Object.values(JSON.parse(await readFile(spec.engineTimes, 'utf8')))).toEqual([
    { onnxruntime: 10, tensorflow: 20 },
  ]);
});

const PICTURES = { resize: 64, crop: 64, layout: 'NCHW', channels: 'RGB', scale: 1 / 255, mean: [0.5], std: [0.25] };
const TEXTS = {
  ...{ maxLength: 128, padId: 0, pooling: 'mean' },
  inputs: { ids: 'input_ids', mask: 'attention_mask', types: 'token_type_ids' },
};
test.each([
  ['photo-small', { kind: 'image', preprocessing: PICTURES }],
  ['text-small', { kind: 'text', text: TEXTS }],
])('a step of %s is timed in a process; a library that is not there is a reason', async (name, input) => {
  const path = join(import.meta.dirname, `../../../bases/${name}/${name}.onnx`);
  const cut = decodeModel(await readFile(path)).graph.outputs[0]!.name;
  const engine = { executor: 'tensorflow', addonPath: join(home, 'addon.node') };
  const spec = specOf({ base: { path, digest: name }, cut, width: null, input, engine });
  const found = await fasterEngine(spec, VERSIONS, () => {});
  expect(found?.executor).toBe('onnxruntime');
  expect(found?.why).toMatch(/^a step on TensorFlow could not be timed: Cannot find module .*addon\.node/);
});

test('where no engine can be timed nothing is said', async () => {
  expect(await fasterEngine(specOf(), VERSIONS, () => {})).toBeNull();
});

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { TextInput } from '../../../src/domain/types.js';
import { random } from '../../../src/tasks/random.js';
import { textTrunk } from '../../../src/tasks/text-classification/compose.js';
import { tokenTexts } from '../../../workers/data/text/batches.js';
import { type RowTable, rowTable } from '../../../workers/data/text/row-table.js';
import { onnxruntimeExecutor } from '../../../workers/executors/onnxruntime.js';
import { bucketed } from '../../../workers/training/fine-tune/buckets.js';
import { wordTables } from '../../../workers/training/fine-tune/embeddings.js';
import { type TuneRequest, tuneGraphs } from '../../../workers/training/fine-tune/graphs.js';
import { type LoopSettings, tune } from '../../../workers/training/fine-tune/loop.js';
import { logitsOf } from '../../../workers/training/fine-tune/measure.js';
import { PADDING } from '../../../workers/training/fine-tune/pass-input.js';
import { epochBatches } from '../../../workers/training/fine-tune/plan.js';
import { oneHot } from '../../../workers/training/fine-tune/sources.js';
import { heldTexts, type PaddedRows, textPart, textSource } from '../../../workers/training/fine-tune/texts.js';
import { trainedLayers } from '../../../workers/training/fine-tune/trained.js';
import { type Snapshot, type Tuner, tuner } from '../../../workers/training/fine-tune/trainer.js';
import { smallBert } from '../../support/bert.js';
import { PLAIN } from '../../support/tuning.js';

const executor = onnxruntimeExecutor({ threads: 1 });
const open: Tuner[] = [];
afterAll(async () => {
  for (const net of open) await net.dispose();
  await executor.dispose();
});

const [CLASSES, WIDTH, BATCH, VOCABULARY] = [2, 8, 6, 40];
const TEXT: TextInput = {
  inputs: { ids: 'input_ids', mask: 'attention_mask', types: 'token_type_ids' },
  maxLength: 64,
  padId: 0,
  vocabulary: VOCABULARY,
  pooling: 'mean',
};
const own = () => textTrunk(smallBert({ types: true }), 'last_hidden_state', TEXT);

async function made(length: number, o: Partial<TuneRequest> = {}): Promise<Tuner> {
  const trunk = own();
  const next = random(11);
  const weight = Float32Array.from({ length: CLASSES * WIDTH }, () => next() - 0.5);
  const at = (tokens: number) =>
    tuneGraphs(executor, {
      ...PLAIN,
      trunk,
      tokens: { text: TEXT, length: tokens },
      classes: CLASSES,
      head: { weight, bias: new Float32Array(CLASSES) },
      parameters: trainedLayers(trunk, 'all').parameters.map((p) => ({ ...p, rate: 1 })),
      batch: BATCH,
      keepFrozen: false,
      ...o,
    });
  const net = await tuner(executor, await at(length), at);
  open.push(net);
  return net;
}

/** Texts whose label is whether they have a token of the upper half. */
function texts(n: number): PaddedRows & { readonly table: RowTable; readonly labels: Int32Array } {
  const next = random(7);
  const all: number[][] = [];
  const labels = Int32Array.from({ length: n }, (_, i) => i % 2);
  for (const label of labels) {
    const size = 3 + Math.floor(next() ** 2 * 45);
    const row = Array.from({ length: size }, () => 1 + Math.floor(19 * next()));
    if (label === 1) for (let i = 0; i < size; i += 2) row[i] = 20 + Math.floor(19 * next());
    all.push(row);
  }
  const specials = { before: [], after: [] };
  const table = rowTable(
    Int32Array.from(all, (row) => row.length),
    { specials, most: TEXT.maxLength },
  );
  const lengths = bucketed(table.counts, TEXT.maxLength, 1);
  return { read: (rows) => tokenTexts(rows.map((row) => all[row]!)), lengths, table, labels };
}

function rows(length: number, padTo: number, seed: number): Int32Array {
  const next = random(seed);
  const data = new Int32Array(BATCH * padTo).fill(PADDING);
  for (let row = 0; row < BATCH; row++)
    for (let i = 0; i < length - (row % 3); i++) data[row * padTo + i] = 1 + Math.floor((VOCABULARY - 1) * next());
  return data;
}

/** Largest difference of tensors, by the size of the largest number. */
function apart(a: Snapshot, b: Snapshot): number {
  let most = 0;
  for (const [name, values] of a) {
    const scale = values.reduce((m, x) => Math.max(m, Math.abs(x)), 1e-6);
    for (const [i, x] of values.entries()) most = Math.max(most, Math.abs(x - b.get(name)![i]!) / scale);
  }
  return most;
}

describe('lengths', () => {
  it('are powers of two from 16 to the limit of the base, those with few texts joined to the next', () => {
    expect([...bucketed(Int32Array.of(0, 3, 16, 17, 33, 300), 512, 1)]).toEqual([16, 16, 16, 32, 64, 512]);
    expect([...bucketed(Int32Array.of(3, 17, 40, 90, 100), 100, 1)]).toEqual([16, 32, 64, 100, 100]);
    expect([...bucketed(Int32Array.of(3, 5, 17, 40), 64, 2)]).toEqual([16, 16, 64, 64]);
    expect([...bucketed(Int32Array.of(3, 9), 8, 1)]).toEqual([8, 8]);
  });

  it('part an epoch into batches of one length, all whole but one, in an order that the seed tells', () => {
    const lengths = Int32Array.from({ length: 50 }, (_, i) => [16, 32, 64][i % 3]!);
    const at = (epoch: number, seed = 1) => epochBatches({ n: 50, lengths }, { batch: 8, seed }, epoch);
    const first = at(0);
    expect(first.map((b) => b.length).sort()).toEqual([2, 8, 8, 8, 8, 8, 8]);
    expect(first.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i));
    expect(first.filter((b) => new Set(b.map((row) => lengths[row])).size > 1).length).toBeLessThanOrEqual(2);
    expect(first).toEqual(at(0));
    expect(first).not.toEqual(at(1));
    expect(first).not.toEqual(at(0, 2));
    const order = first.map((b) => Math.max(...b.map((row) => lengths[row]!)));
    expect(order).not.toEqual([...order].sort((a, b) => a - b));
  });
});

describe('one state over graphs of several lengths', () => {
  it('takes the steps that one graph takes with all texts padded to the longest', async () => {
    const [short, long] = [await made(32), await made(32)];
    const begin = await short.weights('trained');
    for (let number = 1; number <= 4; number++) {
      const size = number % 2 === 0 ? 16 : 32;
      const targets = oneHot(
        [...Array(BATCH).keys()],
        Int32Array.from({ length: BATCH }, (_, i) => i % 2),
        CLASSES,
      );
      const scaled = targets.map((x) => x / BATCH);
      const step = { number, targets: scaled, rate: 0.01, open: 1, averageDecay: 0 };
      const a = await short.step({ ...step, data: rows(size - 2, size, number) });
      const b = await long.step({ ...step, data: rows(size - 2, 32, number) });
      expect(a.loss).toBeCloseTo(b.loss, 5);
      expect(a.norm / b.norm).toBeCloseTo(1, 4);
    }
    const now = await short.weights('trained');
    expect(apart(now, await long.weights('trained'))).toBeLessThan(1e-3);
    expect(apart(begin, now)).toBeGreaterThan(0.01);
  });

  it('leaves the vectors of the words alone where they are frozen, and holds them once', async () => {
    const trunk = own();
    expect([...wordTables(trunk, 'input_ids')]).toEqual(['embeddings.word']);
    const parameters = trainedLayers(trunk, 'all').parameters.filter(({ name }) => name !== 'embeddings.word');
    const net = await made(16, { parameters: parameters.map((p) => ({ ...p, rate: 1 })) });
    const names = net.tensors(await net.weights('trained')).map((t) => t.name);
    expect(names).toContain('query');
    expect(names).not.toContain('embeddings.word');
  });
});

describe('a small encoder', () => {
  const settings: LoopSettings = {
    ...{ epochs: 20, rate: 0.02, schedule: 'linear', warmup: 0.1, patience: 100, unfreezing: 'none', layers: 1 },
    ...{ averageDecay: 0, averageUse: 'better', recipe: 'r', checkpointMs: 0, batch: BATCH, microBatch: BATCH },
    ...{ classes: CLASSES, labelSmoothing: 0, classWeights: null, seed: 4, folder: '' },
  };
  const [TRAIN, HELD] = [60, 20];
  const all = texts(TRAIN + HELD);
  const train = textSource(all, textPart(all.table, 0, TRAIN), all.labels.subarray(0, TRAIN), CLASSES);
  const held = heldTexts(all, textPart(all.table, TRAIN, HELD), all.labels.subarray(TRAIN));
  const hooks = { metrics: () => {}, progress: () => {}, log: () => {} };
  const dropout = { rate: 0.1, layers: 0, seed: 4 };

  it('learns, and interrupted goes on to the same bits; measured in any order of lengths', async () => {
    expect(new Set(all.lengths).size).toBeGreaterThan(1);
    const folders = await Promise.all([0, 1].map(() => mkdtemp(join(tmpdir(), 'graft-tune-'))));
    try {
      let steps = 0;
      const control = (leaveAt: number) => ({
        stopped: () => false,
        leaving: () => steps === leaveAt,
        breathe: async () => {
          steps++;
        },
        leave: async () => {
          throw new Error('left');
        },
      });
      const go = async (folder: string, leaveAt: number) => {
        steps = 0;
        const net = await made(64, { dropout });
        const tuned = await tune(net, train, held, { ...settings, folder }, control(leaveAt), hooks);
        return { net, tuned, state: await net.snapshot() };
      };
      const whole = await go(folders[0]!, -1);
      await expect(go(folders[1]!, 37)).rejects.toThrow('left');
      const resumed = await go(folders[1]!, -1);
      expect(steps).toBe(200 - 37);
      expect(apart(whole.state, resumed.state)).toBe(0);
      expect(resumed.tuned.position).toEqual(whole.tuned.position);
      expect(whole.tuned.position.best.accuracy).toBeGreaterThan(0.9);

      const { net } = whole;
      const logits = await logitsOf(net, held, settings);
      const one = textSource(all, textPart(all.table, TRAIN, HELD), all.labels.subarray(TRAIN), CLASSES);
      for (const row of [0, 7, 19]) {
        const { data } = await one.batch(0, Array<number>(BATCH).fill(row));
        const alone = await net.logits(data);
        for (let c = 0; c < CLASSES; c++) expect(logits[row * CLASSES + c]!).toBeCloseTo(alone[c]!, 4);
      }
    } finally {
      for (const folder of folders) await rm(folder, { recursive: true });
    }
  });
});

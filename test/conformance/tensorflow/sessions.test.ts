import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { graphBuilder, type Model, tensor } from '../../../src/onnx/index.js';
import type { HostTensor } from '../../../workers/executors/executor.js';
import { loadAddon } from '../../../workers/executors/tensorflow/addon.js';
import { KernelError } from '../../../workers/executors/tensorflow/plan.js';
import { queuedTensorflow, TENSORFLOW, tensorflow } from '../../support/tensorflow.js';

/** y = table[12 / places] · scale, and the next table is the last one plus a half. */
function lookup(): Model {
  const b = graphBuilder({ opset: 13, name: 'lookup' });
  const table = b.input('table', 'float32', [3, 2]);
  const places = b.input('places', 'int64', ['N']);
  const scale = b.initializer('scale', tensor('', 'float32', [2], [2, 10]));
  const half = b.initializer('half', tensor('', 'float32', [], [0.5]));
  const dozen = b.initializer('dozen', tensor('', 'int64', [], [12]));
  const parts = b.op('Div', [dozen, places], {}, { name: 'parts' });
  const rows = b.op('Gather', [table, parts], { axis: 0 });
  b.output(b.op('Mul', [rows, scale], {}, { outputs: ['y'] }), 'float32', ['N', 2]);
  b.output(b.op('Add', [table, half], {}, { outputs: ['next'] }), 'float32', [3, 2]);
  return b.model();
}
const table = (): HostTensor => ({ dataType: 'float32', dims: [3, 2], data: Float32Array.of(0, 1, 2, 3, 4, 5) });
/** Rows 0, 1 and 2 of the table are those of 13, 12 and 6. */
const at = (...places: number[]): { places: HostTensor } => ({
  places: { dataType: 'int64', dims: [places.length], data: BigInt64Array.from(places, BigInt) },
});
/** A folder for temporary files of this test alone. */
function ownTmpdir(): string {
  const folder = mkdtempSync(join(tmpdir(), 'graft-test-'));
  vi.stubEnv('TMPDIR', folder);
  onTestFinished(() => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

describe.runIf(TENSORFLOW !== null)('a graph of the library’s own, for training', () => {
  it('keeps the state from step to step, for inputs of several sizes, and leaves nothing behind', async () => {
    tensorflow();
    const addon = loadAddon(TENSORFLOW!.addonPath);
    const before = addon.getNumOfTensors();
    const folder = ownTmpdir();
    const program = await tensorflow().compile(lookup(), { training: true });
    const state = program.state([{ input: 'table', output: 'next', initial: table() }]);
    const told = [];
    for (const places of [[6], [13, 12], [12], [6, 6], [13], [12, 6, 13], [13, 12, 6, 13], [12, 12, 12, 12, 12], [6]])
      told.push((await program.step(state, at(...places), ['y'])).y!);
    expect(Array.from(told[0]!.data as Float32Array)).toEqual([8, 50]);
    expect(Array.from(told[1]!.data as Float32Array)).toEqual([1, 15, 5, 35]);
    expect(told[7]!.dims).toEqual([5, 2]);
    expect(Array.from(told[8]!.data as Float32Array)).toEqual([16, 90]);
    expect(Array.from((await state.read('table')).data as Float32Array)).toEqual([4.5, 5.5, 6.5, 7.5, 8.5, 9.5]);
    state.dispose();
    await program.dispose();
    expect(addon.getNumOfTensors()).toBe(before);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('names the ONNX node whose kernel raised, and goes on with the state as it was', async () => {
    const program = await tensorflow().compile(lookup(), { training: true });
    const state = program.state([{ input: 'table', output: 'next', initial: table() }]);
    await program.step(state, at(12), ['y']);
    const failed = await program.step(state, at(0), ['y']).catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(KernelError);
    expect((failed as Error).message).toMatch(
      /^Div 'parts' \(opset 13\) of int64\[\], int64\[1\]: Unexpected error .*integer div[^{]*$/,
    );
    const { y } = await program.step(state, at(13), ['y']);
    expect(Array.from(y!.data as Float32Array)).toEqual([1, 15]);
    state.dispose();
    await program.dispose();
  });

  it('begins with zeros, and holds what is only written once: a step that fails leaves zeros there', async () => {
    const b = graphBuilder({ opset: 13, name: 'written' });
    const places = b.input('places', 'int64', ['N']);
    const seen = b.input('seen', 'float32', [2]);
    const dozen = b.initializer('dozen', tensor('', 'int64', [], [12]));
    const parts = b.op('Cast', [b.op('Div', [dozen, places])], { to: 1 });
    b.output(b.op('Add', [seen, parts], {}, { outputs: ['next(seen)'] }), 'float32', [2]);
    b.output(b.op('Mul', [parts, parts], {}, { outputs: ['next(last)'] }), 'float32', [2]);
    tensorflow();
    const addon = loadAddon(TENSORFLOW!.addonPath);
    const before = addon.getNumOfTensors();
    const program = await tensorflow().compile(b.model(), { training: true });
    const zeros = { dataType: 'float32', dims: [2], data: null } as const;
    const state = program.state([
      { input: 'seen', output: 'next(seen)', initial: zeros },
      { input: 'last', output: 'next(last)', initial: zeros, inPlace: true },
    ]);
    const now = async (): Promise<readonly number[]> => [
      ...((await state.read('seen')).data as Float32Array),
      ...((await state.read('last')).data as Float32Array),
    ];
    expect(await now()).toEqual([0, 0, 0, 0]);
    await program.step(state, at(4, 6), []);
    expect(await now()).toEqual([3, 2, 9, 4]);
    // Refused: what may be written in place has changed, the rest has not.
    await program.step(state, at(12, 2), [], () => false);
    expect(await now()).toEqual([3, 2, 1, 36]);
    await expect(program.step(state, at(0, 0), [])).rejects.toThrow(KernelError);
    expect(await now()).toEqual([3, 2, 0, 0]);
    await program.step(state, at(12, 12), []);
    expect(await now()).toEqual([4, 3, 1, 1]);
    state.dispose();
    await program.dispose();
    expect(addon.getNumOfTensors()).toBe(before);
  });

  it('updates millions of numbers in compiled loops, to the same values', async () => {
    const size = 2 ** 23;
    const b = graphBuilder({ opset: 13, name: 'update' });
    const number = (value: number): string => b.constant(tensor('', 'float32', [], [value]));
    const [w, m, v, g] = ['w', 'm', 'v', 'g'].map((name) => b.input(name, 'float32', [size])) as [
      string,
      string,
      string,
      string,
    ];
    const moved = (x: string, keep: number, by: string): string =>
      b.op('Add', [b.op('Mul', [x, number(keep)]), b.op('Mul', [by, number(1 - keep)])]);
    const [mean, square] = [moved(m, 0.9, g), moved(v, 0.99, b.op('Mul', [g, g]))];
    const by = b.op('Div', [mean, b.op('Add', [b.op('Sqrt', [square]), number(1e-3)])]);
    const next = [b.op('Sub', [w, b.op('Mul', [by, number(0.1)])]), mean, square];
    for (const [i, name] of ['w', 'm', 'v'].entries())
      b.output(b.op('Identity', [next[i]!], {}, { outputs: [`next(${name})`] }), 'float32', [size]);
    const update = await tensorflow().compileUpdate(b.model());
    const program = await tensorflow().compile(lookup(), { training: true });
    const given = new Map(
      ['w', 'm', 'v', 'g'].map((name, k) => [
        name,
        Float32Array.from({ length: size }, (_, i) => ((i * 7919 + k * 104729) % 1000) / 1000),
      ]),
    );
    const state = program.state(
      [...given].map(([input, data]) => ({
        input,
        output: `next(${input})`,
        initial: { dataType: 'float32', dims: [size], data },
      })),
    );
    const [before, after] = [['w', 'm', 'v', 'g'].map((name) => given.get(name)!.slice(0, 5000)), ['w', 'm', 'v']];
    await update.apply(state, {});
    const told = await Promise.all(after.map(async (name) => (await state.read(name)).data as Float32Array));
    for (let i = 0; i < 5000; i++) {
      const [w0, m0, v0, g0] = before.map((data) => data[i]!) as [number, number, number, number];
      const [m1, v1] = [0.9 * m0 + 0.1 * g0, 0.99 * v0 + 0.01 * g0 * g0];
      expect(told[0]![i]).toBeCloseTo(w0 - (0.1 * m1) / (Math.sqrt(v1) + 1e-3), 4);
      expect(told[1]![i]).toBeCloseTo(m1, 6);
      expect(told[2]![i]).toBeCloseTo(v1, 6);
    }
    state.dispose();
    await update.dispose();
    await program.dispose();
  });
});

describe.runIf(TENSORFLOW !== null)('steps that are read later', () => {
  it.each([
    ['as on a GPU', queuedTensorflow],
    ['as on a processor', tensorflow],
  ])('tell what they told then, and leave nothing behind: %s', async (_, engine) => {
    const executor = engine();
    const addon = loadAddon(TENSORFLOW!.addonPath);
    const before = addon.getNumOfTensors();
    const program = await executor.compile(lookup(), { training: true });
    const state = program.state([{ input: 'table', output: 'next', initial: table() }]);
    const pending = [];
    for (const place of [13, 12, 6, 13]) pending.push(await program.submit(state, at(place), ['y']));
    const told = [];
    for (const one of pending) told.push([...((await one.read()).y!.data as Float32Array)]);
    expect(told).toEqual([
      [0, 10],
      [5, 35],
      [10, 60],
      [3, 25],
    ]);
    expect([...((await state.read('table')).data as Float32Array)]).toEqual([2, 3, 4, 5, 6, 7]);
    state.dispose();
    await program.dispose();
    expect(addon.getNumOfTensors()).toBe(before);
  });
});

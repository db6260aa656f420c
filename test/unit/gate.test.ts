import { expect, test } from 'vitest';
import { createGate } from '../../src/gate.js';

const settled = () => new Promise((resolve) => setImmediate(resolve));
/** Calls through a gate, and how to end each. */
function calls(most: number) {
  const gate = createGate(most);
  const begun: string[] = [];
  const ends = new Map<string, { readonly resolve: () => void; readonly reject: (reason: unknown) => void }>();
  const call = (name: string, signal?: AbortSignal) => {
    const run = () => {
      begun.push(name);
      return new Promise<void>((resolve, reject) => ends.set(name, { resolve, reject }));
    };
    return gate(run, signal);
  };
  return { begun, ends, call };
}

test('no more at a time than it lets in, the others in the order in which they came', async () => {
  const { begun, ends, call } = calls(2);
  const all = ['a', 'b', 'c', 'd'].map((name) => call(name));
  await settled();
  expect(begun).toEqual(['a', 'b']);
  ends.get('b')!.resolve();
  await settled();
  expect(begun).toEqual(['a', 'b', 'c']);
  // What fails leaves as well.
  ends.get('a')!.reject(new Error('broken'));
  await expect(all[0]).rejects.toThrow('broken');
  await settled();
  expect(begun).toEqual(['a', 'b', 'c', 'd']);
  ends.get('c')!.resolve();
  ends.get('d')!.resolve();
  await Promise.all(all.slice(1));
  void call('e');
  await settled();
  expect(begun.at(-1)).toBe('e');
});

test('who aborts while waiting leaves the line with the reason', async () => {
  const { begun, ends, call } = calls(1);
  const first = call('a');
  const leaving = new AbortController();
  const second = call('b', leaving.signal);
  const third = call('c');
  leaving.abort(new Error('gone'));
  await expect(second).rejects.toThrow('gone');
  await expect(call('d', leaving.signal)).rejects.toThrow('gone');
  ends.get('a')!.resolve();
  await first;
  await settled();
  expect(begun).toEqual(['a', 'c']);
  ends.get('c')!.resolve();
  await third;
});

import { expect, it } from 'vitest';
import { failedKeys } from '../../../src/http/failed-keys.js';

it('counts wrong keys by address, and starts anew after the window', () => {
  let now = 1_000;
  const failed = failedKeys(() => now);
  for (let n = 0; n < 59; n++) failed.add('a');
  expect(failed.wait('a')).toBeNull();
  failed.add('a');
  expect([failed.wait('a'), failed.wait('b')]).toEqual([60, null]);
  now += 59_500;
  expect(failed.wait('a')).toBe(1);
  now += 500;
  expect(failed.wait('a')).toBeNull();
  failed.add('a');
  expect(failed.wait('a')).toBeNull();
});

it('forgets the longest known address where there are too many', () => {
  const failed = failedKeys(() => 0);
  for (let n = 0; n < 60; n++) failed.add('first');
  expect(failed.wait('first')).toBe(60);
  for (let n = 0; n < 9_999; n++) failed.add(`other ${n}`);
  expect(failed.wait('first')).toBe(60);
  failed.add('one more');
  expect(failed.wait('first')).toBeNull();
});

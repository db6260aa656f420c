import { expect, test } from 'vitest';
import { isId, newId } from '../../src/ids.js';

test('an id is its prefix and 26 base32 characters', () => {
  for (let i = 0; i < 100; i++) expect(newId('job')).toMatch(/^job_[0-9abcdefghjkmnpqrstvwxyz]{26}$/);
});

test('ids sort by time, within one millisecond too, and never repeat', () => {
  const ids = Array.from({ length: 5000 }, () => newId('evt'));
  expect([...ids].sort()).toEqual(ids);
  expect(new Set(ids).size).toBe(ids.length);
});

test('a clock that runs backwards does not break the order', () => {
  const later = newId('ds', Date.now() + 60_000);
  expect(newId('ds') > later).toBe(true);
});

test('isId looks at prefix, alphabet and length', () => {
  expect(isId('mdl', newId('mdl'))).toBe(true);
  expect(isId('mdl', newId('job'))).toBe(false);
  expect(isId('mdl', 'mdl_short')).toBe(false);
  expect(isId('mdl', `mdl_${'u'.repeat(26)}`)).toBe(false);
});

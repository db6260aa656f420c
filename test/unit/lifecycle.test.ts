import { expect, test } from 'vitest';
import {
  canTransition,
  HELD_STATES,
  isHeld,
  isTerminal,
  JOB_STATES,
  sourcesOf,
  TERMINAL_STATES,
  TRANSITIONS,
} from '../../src/domain/lifecycle.js';

test('a terminal state never changes', () => {
  for (const from of TERMINAL_STATES) for (const to of JOB_STATES) expect(canTransition(from, to)).toBe(false);
});

test('the way of an undisturbed job', () => {
  const way = ['queued', 'preparing', 'running', 'evaluating', 'publishing', 'succeeded'] as const;
  for (let i = 1; i < way.length; i++) expect(canTransition(way[i - 1]!, way[i]!)).toBe(true);
});

test('every state can still reach a terminal one', () => {
  for (const start of JOB_STATES) {
    const seen = new Set([start]);
    for (const state of seen) for (const next of TRANSITIONS[state]) seen.add(next);
    expect([...seen].some(isTerminal), start).toBe(true);
  }
});

test('a held job can always be failed, and given to another worker unless it is being cancelled', () => {
  for (const state of HELD_STATES) {
    expect(canTransition(state, 'failed')).toBe(true);
    expect(canTransition(state, 'queued')).toBe(state !== 'cancelling');
    expect(isHeld(state)).toBe(true);
  }
});

test('sourcesOf is the table read backwards', () => {
  for (const to of JOB_STATES)
    for (const from of JOB_STATES) expect(sourcesOf(to).includes(from)).toBe(canTransition(from, to));
});

import type { Json } from '../../src/domain/types.js';
import type { FromChild } from './messages.js';

/** One setting that was left to `auto`. */
export interface Chosen {
  readonly name: string;
  readonly value: string | number;
  readonly why: string;
}
export type Pick = <T extends string | number>(name: string, given: T | 'auto' | undefined, own: T, why: string) => T;

/** Takes what the user gave; notes what was chosen instead of `auto`, and why. */
export function choices(): { readonly pick: Pick; readonly chosen: () => readonly Chosen[] } {
  const noted: Chosen[] = [];
  return {
    pick(name, given, own, why) {
      if (given !== undefined && given !== 'auto') return given;
      noted.push({ name, value: own, why });
      return own;
    },
    chosen: () => noted,
  };
}

/** The settings that a head's search finds, all left to it. */
export const SEARCHED = { epochs: 'auto', learningRate: 'auto', batchSize: 'auto', weightDecay: 'auto' } as const;

/** Says what was chosen and why: one line for each choice, and the same as data. */
export function tellChosen(
  tell: (message: FromChild) => void,
  heading: string,
  chosen: readonly Chosen[],
  data: Readonly<Record<string, Json>> = {},
): void {
  if (chosen.length === 0) return;
  const lines = chosen.map(({ name, value, why }) => `  ${name} ${value}: ${why}`);
  const choices = chosen.map(({ name, value, why }) => ({ name, value, why }));
  tell({ type: 'log', level: 'info', message: [`${heading}:`, ...lines].join('\n'), data: { ...data, choices } });
}

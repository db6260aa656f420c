import type { TextInput } from '../../../src/domain/types.js';
import type { SpecialTokens } from './token-messages.js';

/** How the ids of a text become rows that a base reads. */
export interface RowRule {
  readonly specials: SpecialTokens;
  /** Most ids of a row, special ones included. */
  readonly most: number;
  /** How a longer text is split; left out: it is cut off. */
  readonly windows?: TextInput['windows'];
}
/** Part of a text's own ids: from `from` to before `to`. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** A text's own ids in a row, and by how many windows begin behind one another. */
function sizes({ specials: { before, after }, most, windows }: RowRule): {
  readonly room: number;
  readonly step: number;
} {
  const room = Math.max(1, most - before.length - after.length);
  return { room, step: Math.max(1, room - (windows?.overlap ?? 0)) };
}

/** How many of a text's own ids its rows can hold. */
export function idsRead(rule: RowRule): number {
  const { room, step } = sizes(rule);
  return room + ((rule.windows?.most ?? 1) - 1) * step;
}

/** The rows of a text of `length` ids: one, or its windows in their order. `cut`: its end is in none of them. */
export function spansOf(length: number, rule: RowRule): { readonly spans: readonly Span[]; readonly cut: boolean } {
  const { room, step } = sizes(rule);
  const read = Math.min(length, idsRead(rule));
  const spans: Span[] = [];
  for (let from = 0; from === 0 || from - step + room < read; from += step)
    spans.push({ from, to: Math.min(from + room, read) });
  return { spans, cut: length > read };
}

/** A row as the base reads it. */
export const rowOf = ({ before, after }: SpecialTokens, ids: Iterable<number>): readonly number[] => [
  ...before,
  ...ids,
  ...after,
];

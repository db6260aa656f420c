import { permutation } from '../../../src/tasks/random.js';
import { uniform } from './draws.js';

export type Rgb = readonly [number, number, number];
type Row = readonly [number, number, number];

/**
 * A change of colours: `matrix` times (red, green, blue) plus `offset`, values from 0 to 255. Brightness, contrast,
 * saturation and hue all have this form, so any number of them is one pass over the picture, clipped once at its end.
 */
export interface ColourChange {
  readonly matrix: readonly [Row, Row, Row];
  readonly offset: Rgb;
}
/** A change that may depend on the mean colour of what it gets (contrast does). */
export type ColourStep = (mean: Rgb) => ColourChange;

/** Luma of ITU-R BT.601. */
const LUMA: Row = [0.299, 0.587, 0.114];
const NO_OFFSET: Rgb = [0, 0, 0];

const dot = (a: Row, b: Row): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const each = <T>(f: (i: 0 | 1 | 2) => T): [T, T, T] => [f(0), f(1), f(2)];
const product = (a: ColourChange['matrix'], b: ColourChange['matrix']): [Row, Row, Row] =>
  each((r) => each((c) => dot(a[r], [b[0][c], b[1][c], b[2][c]])));
const diagonal = (v: number): [Row, Row, Row] => [
  [v, 0, 0],
  [0, v, 0],
  [0, 0, v],
];

/** Black at 0, unchanged at 1. */
export const brightness =
  (factor: number): ColourStep =>
  () => ({ matrix: diagonal(factor), offset: NO_OFFSET });

/** Away from (above 1) or to (below 1) the mean grey. */
export const contrast =
  (factor: number): ColourStep =>
  (mean) => {
    const shift = (1 - factor) * dot(LUMA, mean);
    return { matrix: diagonal(factor), offset: [shift, shift, shift] };
  };

/** Grey at 0, unchanged at 1. */
export const saturation =
  (factor: number): ColourStep =>
  () => ({
    matrix: each((r) => each((c) => (r === c ? factor : 0) + (1 - factor) * LUMA[c])),
    offset: NO_OFFSET,
  });

/** Of the NTSC colour space; the rows of I and Q sum to 0, so greys stay what they are. */
const TO_YIQ: [Row, Row, Row] = [LUMA, [0.595716, -0.274453, -0.321263], [0.211456, -0.522591, 0.311135]];
const FROM_YIQ: [Row, Row, Row] = [
  [1, 0.9563, 0.621],
  [1, -0.2721, -0.6474],
  [1, -1.107, 1.7046],
];

/** Hues turned by `turns` of a full circle: a rotation of chroma (NTSC's I and Q), at constant luma. */
export const hue =
  (turns: number): ColourStep =>
  () => {
    const [cos, sin] = [Math.cos(2 * Math.PI * turns), Math.sin(2 * Math.PI * turns)];
    const turn: [Row, Row, Row] = [
      [1, 0, 0],
      [0, cos, -sin],
      [0, sin, cos],
    ];
    return { matrix: product(FROM_YIQ, product(turn, TO_YIQ)), offset: NO_OFFSET };
  };

/** What `change` makes of a colour, not clipped. */
export const recoloured = ({ matrix, offset }: ColourChange, colour: Rgb): Rgb =>
  each((r) => dot(matrix[r], colour) + offset[r]);

/** All steps in order as one change, for a picture of this mean colour; null for no steps. */
export function composed(steps: readonly ColourStep[], mean: Rgb): ColourChange | null {
  return steps.reduce<ColourChange | null>((before, step) => {
    if (!before) return step(mean);
    const after = step(recoloured(before, mean));
    return { matrix: product(after.matrix, before.matrix), offset: recoloured(after, before.offset) };
  }, null);
}

/**
 * Brightness, contrast, saturation and hue by random amounts in random order: factors from 1 - 0.8 s to 1 + 0.8 s and
 * turns up to 0.2 s for strength s, as SimCLR scales them (arXiv 2002.05709, appendix A); torchvision's ColorJitter(0.4,
 * 0.4, 0.4, 0.1) is s = 0.5. Nothing at s = 0.
 */
export function colourJitter(next: () => number, strength: number): readonly ColourStep[] {
  if (strength === 0) return [];
  const factor = () => uniform(next, 1 - 0.8 * strength, 1 + 0.8 * strength);
  const steps = [brightness(factor()), contrast(factor()), saturation(factor())];
  steps.push(hue(uniform(next, -0.2 * strength, 0.2 * strength)));
  return Array.from(permutation(steps.length, next), (i) => steps[i]!);
}

import { brightness, type ColourStep, contrast, saturation } from './colour.js';
import { below } from './draws.js';
import { rotate, shearX, shearY, translate, type Warp, warpThen } from './geometry.js';
import { type AugmentSettings, MAX_MAGNITUDE } from './settings.js';
import { autocontrast, equalize, posterize, solarize, type TableStep } from './tables.js';

/** What a policy does to one view, by kind of work; each kind in the order drawn. */
export interface PolicyDraw {
  readonly warp: Warp | null;
  /** Smoothed at 0, unchanged at 1, sharper above (Pillow's ImageEnhance.Sharpness); null: unchanged. */
  readonly sharpness: number | null;
  readonly colours: readonly ColourStep[];
  readonly tables: readonly TableStep[];
}
type Step =
  | { readonly warp: Warp }
  | { readonly sharpness: number }
  | { readonly colour: ColourStep }
  | { readonly table: TableStep }
  | null;

/** `m` is the magnitude from 0 to 1, `signed` puts a random sign to an amount, `size` is the view's side in pixels. */
type Operation = (m: number, signed: (amount: number) => number, size: number) => Step;

/** Ranges as in torchvision's RandAugment, which takes them from AutoAugment (arXiv 1805.09501, table 6). */
const OPERATIONS: Readonly<Record<string, Operation>> = {
  identity: () => null,
  shearX: (m, signed) => ({ warp: shearX(signed(0.3 * m)) }),
  shearY: (m, signed) => ({ warp: shearY(signed(0.3 * m)) }),
  translateX: (m, signed, size) => ({ warp: translate(signed((150 / 331) * size * m), 0) }),
  translateY: (m, signed, size) => ({ warp: translate(0, signed((150 / 331) * size * m)) }),
  rotate: (m, signed) => ({ warp: rotate(signed(30 * m)) }),
  brightness: (m, signed) => ({ colour: brightness(1 + signed(0.9 * m)) }),
  saturation: (m, signed) => ({ colour: saturation(1 + signed(0.9 * m)) }),
  contrast: (m, signed) => ({ colour: contrast(1 + signed(0.9 * m)) }),
  sharpness: (m, signed) => ({ sharpness: 1 + signed(0.9 * m) }),
  posterize: (m) => ({ table: posterize(8 - Math.round(4 * m)) }),
  solarize: (m) => ({ table: solarize(Math.ceil(256 - 256 * m)) }),
  autocontrast: () => ({ table: autocontrast }),
  equalize: () => ({ table: equalize }),
};
const NAMES = Object.keys(OPERATIONS);

/**
 * RandAugment (arXiv 1909.13719): `operations` of the 14, each equally likely and drawn anew, all at one magnitude. They
 * are done by kind (warps, sharpness, colours, tables) so that all but the tables are one native pipeline; of two
 * sharpnesses the later one counts.
 */
export function drawPolicy(next: () => number, policy: AugmentSettings['policy'], size: number): PolicyDraw {
  const signed = (amount: number) => (next() < 0.5 ? -amount : amount);
  let warp: Warp | null = null;
  let sharpness: number | null = null;
  const colours: ColourStep[] = [];
  const tables: TableStep[] = [];
  for (let i = 0; i < (policy?.operations ?? 0); i++) {
    const operation = OPERATIONS[NAMES[below(next, NAMES.length)]!]!;
    const step = operation(policy!.magnitude / MAX_MAGNITUDE, signed, size);
    if (!step) continue;
    if ('warp' in step) warp = warp ? warpThen(warp, step.warp) : step.warp;
    else if ('sharpness' in step) sharpness = step.sharpness;
    else if ('colour' in step) colours.push(step.colour);
    else tables.push(step.table);
  }
  return { warp, sharpness, colours, tables };
}

import { GraftError } from '../../../src/errors.js';

/** How pictures are varied while training. Each part is off at `false`, `null`, 0 or an empty list. */
export interface AugmentSettings {
  /** Mirrored left to right, every second view. */
  readonly flip: boolean;
  /** Random resized crop: the share of the picture's area that is shown, at an aspect from 3/4 to 4/3; null: as in evaluation. */
  readonly crop: { readonly minArea: number; readonly maxArea: number } | null;
  /** 0 to 1: how far brightness, contrast, saturation and hue go (see `colourJitter`). */
  readonly colour: number;
  /** RandAugment: so many operations a view, at a magnitude from 0 to 30 (see `drawPolicy`). */
  readonly policy: { readonly operations: number; readonly magnitude: number } | null;
  /** Each picture is mixed with another one, its target too, in one of these ways at equal odds; none where there are none. */
  readonly mix: readonly Mixing[];
}
/** The share that stays of a picture is drawn from Beta(alpha, alpha). */
export interface Mixing {
  readonly kind: 'mixup' | 'cutmix';
  readonly alpha: number;
}

/** RandAugment's highest magnitude (arXiv 1909.13719). */
export const MAX_MAGNITUDE = 30;

export const AUGMENT_PRESETS: Readonly<Record<'none' | 'light' | 'medium' | 'strong', AugmentSettings>> = {
  none: { flip: false, crop: null, colour: 0, policy: null, mix: [] },
  light: { flip: true, crop: { minArea: 0.35, maxArea: 1 }, colour: 0, policy: null, mix: [] },
  medium: { flip: true, crop: { minArea: 0.25, maxArea: 1 }, colour: 0.4, policy: null, mix: [] },
  strong: {
    flip: true,
    crop: { minArea: 0.2, maxArea: 1 },
    colour: 0.4,
    policy: { operations: 2, magnitude: 9 },
    // Each at the alpha of its paper.
    mix: [
      { kind: 'mixup', alpha: 0.2 },
      { kind: 'cutmix', alpha: 1 },
    ],
  },
};

/** @throws GraftError `job-impossible` that names every setting out of its range, and the range. */
export function checkSettings({ crop, colour, policy, mix }: AugmentSettings): void {
  const broken: { path: string; detail: string }[] = [];
  const check = (good: boolean, path: string, found: unknown, wanted: string) => {
    if (!good) broken.push({ path: `augment.${path}`, detail: `augment.${path} is ${found}; it must be ${wanted}.` });
  };
  if (crop) {
    check(crop.minArea > 0 && crop.minArea <= 1, 'crop.minArea', crop.minArea, 'above 0 and at most 1');
    check(crop.maxArea <= 1, 'crop.maxArea', crop.maxArea, 'at most 1');
    check(crop.maxArea >= crop.minArea, 'crop.maxArea', crop.maxArea, `at least crop.minArea (${crop.minArea})`);
  }
  check(colour >= 0 && colour <= 1, 'colour', colour, 'from 0 to 1');
  if (policy) {
    const { operations, magnitude } = policy;
    const counted = Number.isInteger(operations) && operations >= 0 && operations <= 14;
    check(counted, 'policy.operations', operations, 'a whole number from 0 to 14');
    const within = magnitude >= 0 && magnitude <= MAX_MAGNITUDE;
    check(within, 'policy.magnitude', magnitude, `from 0 to ${MAX_MAGNITUDE}`);
  }
  for (const [i, { kind, alpha }] of mix.entries()) {
    check(kind === 'mixup' || kind === 'cutmix', `mix[${i}].kind`, kind, "'mixup' or 'cutmix'");
    check(alpha > 0 && Number.isFinite(alpha), `mix[${i}].alpha`, alpha, 'a number above 0');
  }
  if (broken.length === 0) return;
  throw new GraftError('job-impossible', broken.map(({ detail }) => detail).join(' '), {
    errors: broken.map((item) => ({ ...item, code: 'out-of-range' })),
  });
}

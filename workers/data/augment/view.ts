import sharp, { type Sharp } from 'sharp';
import { type ColourChange, type ColourStep, colourJitter, composed, recoloured } from './colour.js';
import type { Picture } from './decode-picture.js';
import { isShift, middle, type Rect, randomCrop } from './geometry.js';
import { drawPolicy, type PolicyDraw } from './policy.js';
import type { AugmentSettings } from './settings.js';
import { applyTables } from './tables.js';

/** One random look at a picture, drawn but not yet rendered. */
export interface View extends PolicyDraw {
  readonly flip: boolean;
  /** Part of the picture; null: all of it. */
  readonly crop: Rect | null;
}

/** What shows where a warped picture ends: middle grey, as in AutoAugment. */
const FILL = 128;
/** Pillow's ImageFilter.SMOOTH, which its Sharpness blends with. */
const SMOOTH = [1, 1, 1, 1, 5, 1, 1, 1, 1].map((weight) => weight / 13);

/** Draws a view of a picture of these dimensions, for a network that takes `size` x `size` pixels. */
export function drawView(
  next: () => number,
  settings: AugmentSettings,
  { width, height }: Pick<Picture, 'width' | 'height'>,
  size: number,
): View {
  const flip = settings.flip && next() < 0.5;
  const crop = settings.crop && randomCrop(next, width, height, settings.crop);
  const jitter: readonly ColourStep[] = colourJitter(next, settings.colour);
  const policy = drawPolicy(next, settings.policy, size);
  return { ...policy, flip, crop, colours: [...jitter, ...policy.colours] };
}

/**
 * The view's pixels, uint8 [size, size, channels]. Work per pixel runs in libvips on libuv's threads (sharp does crop,
 * resize, flip, warp, sharpness and colours in this order, whatever the order of the calls); only tables run here. Where
 * the view changes nothing, the picture's own pixels come back: do not write to them.
 */
export async function renderView(picture: Picture, view: View, size: number): Promise<Uint8Array> {
  const { channels, mean } = picture;
  const colour = composed(view.colours, mean);
  const pipeline = nativePart(picture, view, colour, size);
  const plane = pipeline ? await planeOf(pipeline, channels) : picture;
  const grey = recoloured(colour ?? UNCHANGED, [FILL, FILL, FILL]).map((v) => Math.min(255, Math.max(0, v)));
  const pixels = middle(plane, size, view.warp?.dx ?? 0, view.warp?.dy ?? 0, grey);
  if (view.tables.length === 0) return pixels;
  const own = pixels === picture.data ? pixels.slice() : pixels;
  applyTables(own, channels, view.tables);
  return own;
}

const UNCHANGED: ColourChange = {
  matrix: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  offset: [0, 0, 0],
};

async function planeOf(pipeline: Sharp, channels: 1 | 3 | number) {
  const { data, info } = await pipeline
    .toColourspace(channels === 1 ? 'b-w' : 'srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height, channels };
}

/** The pipeline of what sharp does for this view; null where that is nothing. */
function nativePart(picture: Picture, view: View, colour: ColourChange | null, size: number): Sharp | null {
  const { data, width, height, channels } = picture;
  const { crop, flip, warp, sharpness } = view;
  const warps = warp !== null && !isShift(warp);
  if (!crop && !flip && !warps && sharpness === null && !colour) return null;
  const pipeline = sharp(data, { raw: { width, height, channels: channels === 1 ? 1 : 3 } });
  if (crop) pipeline.extract(crop).resize(size, size, { fit: 'fill', kernel: 'linear' });
  if (flip) pipeline.flop();
  if (warps) {
    const background = { r: FILL, g: FILL, b: FILL };
    pipeline.affine([warp.a, warp.b, warp.c, warp.d], { background, interpolator: 'bilinear' });
  }
  if (sharpness !== null) {
    const kernel = SMOOTH.map((weight, i) => (1 - sharpness) * weight + (i === 4 ? sharpness : 0));
    pipeline.convolve({ width: 3, height: 3, kernel, scale: 1 });
  }
  if (colour) recolour(pipeline, colour, channels);
  return pipeline;
}

function recolour(pipeline: Sharp, { matrix, offset }: ColourChange, channels: number): void {
  // libvips cuts fractions off where it makes bytes: half a level more rounds instead.
  const half = offset.map((value) => value + 0.5);
  if (channels === 1) {
    pipeline.linear([matrix[0][0] + matrix[0][1] + matrix[0][2]], [half[0]!]);
    return;
  }
  pipeline.recomb([[...matrix[0]], [...matrix[1]], [...matrix[2]]]).linear([1, 1, 1], half);
}

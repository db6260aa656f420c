import { open } from 'node:fs/promises';
import type { Preprocessing } from '../../../src/domain/types.js';
import { GraftError } from '../../../src/errors.js';
import { channelsOf } from '../../../src/tasks/image-classification/pixel-input.js';
import type { RunExample } from '../../training/messages.js';
import { decodePicture, type Picture } from './decode-picture.js';
import { decodedCache } from './decoded-cache.js';
import { drawsOf, PURPOSE } from './draws.js';
import { shortSideFor } from './geometry.js';
import { drawMix, mixed } from './mix.js';
import { readPicture } from './pack-pictures.js';
import { places } from './places.js';
import { type AugmentSettings, checkSettings } from './settings.js';
import { drawView, renderView } from './view.js';

/** Pixels of one training batch. */
export interface Batch {
  /** uint8 [n, crop, crop, C], the form that `pixelTrunk` takes. */
  readonly pixels: Uint8Array;
  /** [n, classes], rows sum to 1: one-hot, or mixed as the pixels are. */
  readonly targets: Float32Array;
  readonly n: number;
}
export interface TrainingPictures {
  /**
   * The examples `rows` as they look in this epoch. Follows from the arguments, seed, settings and examples alone: the same
   * after a resume, in any order, at any time, in whatever batches, whether the cache held them or not.
   *
   * @throws GraftError `dataset-invalid` naming the picture that cannot be read.
   */
  batch(epoch: number, rows: readonly number[]): Promise<Batch>;
  /** After the batches under way have ended. */
  close(): Promise<void>;
}
export interface TrainingPicturesOptions {
  readonly packPath: string;
  readonly examples: readonly RunExample[];
  /** Class of each example. */
  readonly labels: Int32Array;
  readonly classes: number;
  readonly preprocessing: Preprocessing;
  readonly settings: AugmentSettings;
  /** A whole number. */
  readonly seed: number;
  /** Bytes of memory for decoded pictures. */
  readonly cacheBytes: number;
  /** Batches worked on at once; further ones wait for a place. */
  readonly ahead: number;
}

/**
 * Opens the pack's pictures for training.
 *
 * @throws GraftError `job-impossible` for settings out of range, `internal` for labels that do not fit the examples.
 */
export async function trainingPictures(options: TrainingPicturesOptions): Promise<TrainingPictures> {
  checkOptions(options);
  const { examples, labels, classes, preprocessing, settings, seed } = options;
  const size = preprocessing.crop;
  const channels = channelsOf(preprocessing);
  const shortSide = settings.crop && shortSideFor(size, settings.crop);
  const pack = await open(options.packPath, 'r');
  const decode = (bytes: Uint8Array) => decodePicture(bytes, preprocessing, shortSide);
  const cache = decodedCache((example) => readPicture(pack, example, decode), options.cacheBytes);

  const look = (epoch: number, row: number): Promise<Uint8Array> => {
    const render = (picture: Picture) =>
      renderView(picture, drawView(drawsOf(seed, epoch, row, PURPOSE.view), settings, picture, size), size);
    const picture = cache.get(examples[row]!);
    // Without a turn of the event loop where it can be: the next training step may be about to block it.
    return picture instanceof Promise ? picture.then(render) : render(picture);
  };
  const make = async (epoch: number, rows: readonly number[]): Promise<Batch> => {
    const pixels = new Uint8Array(rows.length * size * size * channels);
    const targets = new Float32Array(rows.length * classes);
    const views = new Map<number, Promise<Uint8Array>>();
    const view = (row: number): Promise<Uint8Array> => {
      const made = views.get(row) ?? look(epoch, row);
      views.set(row, made);
      return made;
    };
    const place = async (row: number, i: number): Promise<void> => {
      const out = pixels.subarray((i * pixels.length) / rows.length, ((i + 1) * pixels.length) / rows.length);
      const target = targets.subarray(i * classes, (i + 1) * classes);
      const mix = drawMix(drawsOf(seed, epoch, row, PURPOSE.mix), settings.mix, examples.length, size);
      target[labels[row]!]! += mix?.share ?? 1;
      if (!mix) return out.set(await view(row));
      target[labels[mix.partner]!]! += 1 - mix.share;
      const [own, other] = await Promise.all([view(row), view(mix.partner)]);
      mixed(out, own, other, mix, size, channels);
    };
    const results = await Promise.allSettled(rows.map(place));
    for (const result of results) if (result.status === 'rejected') throw result.reason;
    return { pixels, targets, n: rows.length };
  };

  const room = places(options.ahead);
  let closed = false;
  return {
    async batch(epoch, rows) {
      if (closed) throw new GraftError('internal', 'A batch was asked for after the pictures were closed.');
      for (const row of rows) {
        if (examples[row] === undefined)
          throw new GraftError('internal', `Row ${row} was asked for; there are ${examples.length} examples.`);
      }
      return room.run(() => make(epoch, rows));
    },
    async close() {
      if (closed) return;
      closed = true;
      await room.empty();
      await pack.close();
    },
  };
}

function checkOptions({ examples, labels, classes, settings, seed, cacheBytes, ahead }: TrainingPicturesOptions): void {
  checkSettings(settings);
  const refuse = (detail: string): never => {
    throw new GraftError('internal', detail);
  };
  if (labels.length !== examples.length) refuse(`There are ${labels.length} labels for ${examples.length} examples.`);
  const wrong = labels.findIndex((label) => label < 0 || label >= classes);
  if (wrong >= 0) refuse(`The label of '${examples[wrong]!.path}' is ${labels[wrong]}; there are ${classes} classes.`);
  if (!Number.isSafeInteger(seed)) refuse(`seed is ${seed}; it must be a whole number.`);
  if (!(cacheBytes >= 0)) refuse(`cacheBytes is ${cacheBytes}; it must be a number from 0.`);
  if (!Number.isInteger(ahead) || ahead < 1) refuse(`ahead is ${ahead}; it must be a whole number of at least 1.`);
}

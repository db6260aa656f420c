import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import sharp from 'sharp';
import { isForValidation } from './example-texts.mjs';

const require = createRequire(import.meta.url);
const SIDE = 160;

/** Where the pictures come from; the last one's style is never seen in training. */
export const SOURCES = [
  { set: 'noto', folder: 'train', credit: 'Noto Emoji, Google, Apache-2.0' },
  { set: 'fluent-emoji-flat', folder: 'train', credit: 'Fluent Emoji, Microsoft, MIT' },
  { set: 'twemoji', folder: 'val', credit: 'Twemoji, Twitter and others, CC BY 4.0' },
];
const PLANTS =
  /flower|tree|leaf|seedling|herb|cactus|rose|tulip|blossom|bouquet|shamrock|clover|mushroom|hyacinth|lotus|rice|rosette|hibiscus|wood|rock|nest|potted|coral|feather|paw|wing/;
const VEHICLES =
  /(^|-)(car|taxi|bus|trolleybus|minibus|ambulance|truck|engine|tractor|bicycle|scooter|motorcycle|rickshaw|train|locomotive|tram|metro|railway|rail|monorail|airplane|helicopter|ship|boat|sailboat|speedboat|ferry|canoe|rocket|saucer|automobile|vehicle|van|aerial-tramway|cableway)($|-)/;
/** A label's emoji: the category that the set itself states, and a word in the name. */
const LABELS = {
  animals: { category: 'Animals & Nature', fits: (name) => !PLANTS.test(name) },
  food: { category: 'Food & Drink', fits: () => true },
  vehicles: { category: 'Travel & Places', fits: (name) => VEHICLES.test(name) && !/stop/.test(name) },
};

/**
 * Renders the example pictures to `target`/train|val/label/name.png, unless they are there. Names are divided too: what
 * `val` shows is in `train` in no style, so an animal is told by being like an animal, not by being known.
 */
export async function examplePictures(target) {
  if (existsSync(target)) return target;
  const fresh = `${target}.${process.pid}`;
  rmSync(fresh, { recursive: true, force: true });
  const tasks = [];
  for (const { set, folder } of SOURCES) {
    const icons = require(`@iconify-json/${set}/icons.json`);
    const { categories } = require(`@iconify-json/${set}/metadata.json`);
    for (const [label, { category, fits }] of Object.entries(LABELS)) {
      mkdirSync(join(fresh, folder, label), { recursive: true });
      for (const name of categories[category]) {
        const icon = icons.icons[name];
        if (icon === undefined || icon.hidden || !fits(name) || isForValidation(name) !== (folder === 'val')) continue;
        tasks.push({ svg: svgOf(icon, icons), path: join(fresh, folder, label, `${name}-${set}.png`) });
      }
    }
  }
  const next = async () => {
    for (let task = tasks.pop(); task !== undefined; task = tasks.pop()) {
      await sharp(Buffer.from(task.svg)).flatten({ background: '#fff' }).png().toFile(task.path);
    }
  };
  await Promise.all([next(), next(), next(), next()]);
  renameSync(fresh, target);
  return target;
}

function svgOf(icon, { width = 16, height = 16 }) {
  const box = `${icon.left ?? 0} ${icon.top ?? 0} ${icon.width ?? width} ${icon.height ?? height}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${SIDE}" height="${SIDE}" viewBox="${box}">${icon.body}</svg>`;
}

import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

/** Where the texts come from: the names of its emoji, and the categories that it puts them in. */
export const CREDIT = 'Noto Emoji, Google, Apache-2.0';
const LABELS = {
  activity: 'Activities',
  'animal or nature': 'Animals & Nature',
  food: 'Food & Drink',
  object: 'Objects',
  'travel or place': 'Travel & Places',
};

/** As many names of each label are in no split, to be predicted at the end. */
const KEPT_BACK = 2;

/**
 * Writes the names of emoji with their categories to `target` as a CSV of text, label and split, unless it is there.
 * @returns its path, and the names that were kept back.
 */
export function exampleTexts(target) {
  const { icons } = require('@iconify-json/noto/icons.json');
  const { categories } = require('@iconify-json/noto/metadata.json');
  const lines = ['text,label,split'];
  const keptBack = [];
  for (const [label, category] of Object.entries(LABELS)) {
    const names = categories[category].filter((one) => icons[one] !== undefined && !icons[one].hidden);
    const kept = new Set(names.filter(isForValidation).slice(-KEPT_BACK));
    keptBack.push(...[...kept].map(words));
    for (const name of names.filter((one) => !kept.has(one)))
      lines.push(`${words(name)},${label},${isForValidation(name) ? 'validation' : 'train'}`);
  }
  if (existsSync(target)) return { file: target, keptBack };
  const fresh = `${target}.${process.pid}`;
  writeFileSync(fresh, `${lines.join('\n')}\n`);
  renameSync(fresh, target);
  return { file: target, keptBack };
}

const words = (name) => name.replaceAll('-', ' ');

/** A third of the names. */
export function isForValidation(name) {
  let sum = 0;
  for (const letter of name) sum += letter.charCodeAt(0);
  return sum % 3 === 0;
}

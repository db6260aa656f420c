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

/**
 * Writes the names of emoji with their categories to `target` as a CSV of text, label and split, unless it is there.
 * @returns its path.
 */
export function exampleTexts(target) {
  if (existsSync(target)) return target;
  const { icons } = require('@iconify-json/noto/icons.json');
  const { categories } = require('@iconify-json/noto/metadata.json');
  const lines = ['text,label,split'];
  for (const [label, category] of Object.entries(LABELS))
    for (const name of categories[category].filter((one) => icons[one] !== undefined && !icons[one].hidden))
      lines.push(`${name.replaceAll('-', ' ')},${label},${isForValidation(name) ? 'validation' : 'train'}`);
  const fresh = `${target}.${process.pid}`;
  writeFileSync(fresh, `${lines.join('\n')}\n`);
  renameSync(fresh, target);
  return target;
}

/** A third of the names. */
export function isForValidation(name) {
  let sum = 0;
  for (const letter of name) sum += letter.charCodeAt(0);
  return sum % 3 === 0;
}

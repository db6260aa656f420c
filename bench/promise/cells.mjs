// What `npm run bench:promise` measures: every data set, examples per class, base, method and draw.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { examplePictures } from '../../scripts/demo/example-pictures.mjs';

export const SIZES = [10, 30, 100];
export const METHODS = {
  scratch: { label: 'from scratch', request: { type: 'scratch' } },
  featureExtraction: { label: 'feature extraction', request: { type: 'featureExtraction' } },
  fineTuning: { label: 'fine-tuning', request: { type: 'fineTuning', layers: 'all' } },
};
/** `cost`: milliseconds in which two idle cores train on a picture once, about; it only orders the work. */
export const BASES = {
  'photo-small': { path: 'bases/photo-small/photo-small.onnx', cost: 8 },
  mobilenetv2: { path: '../shared/data/models/mobilenetv2-1.0-imagenet-backbone-bn.onnx', cost: 50 },
};
/** At most `validation` pictures of a label are measured on, the same in every draw. */
export const DATASETS = {
  demo: { title: 'the demo’s pictures', folder: (home) => examplePictures(join(home, 'pictures')), validation: 40 },
  hymenoptera: { title: 'ants or bees', folder: (_, data) => join(data, 'hymenoptera'), validation: 40 },
  'cifar10-subset': { title: 'CIFAR-10', folder: (_, data) => join(data, 'cifar10-subset'), validation: 10 },
};
const PICTURE = /\.(jpe?g|png)$/i;

/** `{ name, title, train, validation }` of each data set that is there: paths by label. */
export async function datasets(home, data) {
  const found = [];
  for (const [name, { title, folder, validation }] of Object.entries(DATASETS)) {
    const root = await folder(home, data);
    if (!existsSync(root)) continue;
    const split = (part) =>
      Object.fromEntries(
        readdirSync(join(root, part))
          .sort()
          .map((label) => [
            label,
            readdirSync(join(root, part, label))
              .filter((file) => PICTURE.test(file))
              .sort()
              .map((file) => join(root, part, label, file)),
          ]),
      );
    const held = Object.entries(split('val')).map(([label, files]) => [label, files.slice(0, validation)]);
    found.push({ name, title, train: split('train'), validation: Object.fromEntries(held) });
  }
  return found;
}

/** All cells, the cheapest first, so that a run that is ended early has measured most of them. */
export function cellsOf(sets, { bases, sizes, methods, seeds }) {
  const cells = [];
  for (const dataset of sets)
    for (const size of sizes)
      for (const base of bases)
        for (const method of methods)
          for (let seed = 1; seed <= seeds; seed++) {
            const count = (split, most) =>
              Object.values(split).reduce((sum, files) => sum + Math.min(most, files.length), 0);
            // A picture that is only looked at costs a third of one that is learned from.
            const examples = count(dataset.train, size) + count(dataset.validation, Infinity) / 3;
            const passes = { scratch: 30, featureExtraction: 1, fineTuning: 12 }[method];
            // A later draw tells less than a first one.
            const cost = examples * passes * BASES[base].cost * (1 + seed / 10);
            cells.push({ dataset: dataset.name, size, base, method, seed, cost });
          }
  return cells.sort((a, b) => a.cost - b.cost);
}

import { GraftError } from '../../src/errors.js';
import { TOKENIZER_FILES } from './text/tokenizer-files.js';

/** Which files of a hub's folder matter, by their paths alone: the same for an archive of one and for the hub itself. */

/** Hubs keep variants side by side; the one in float32 is what can be trained. */
const PREFERRED = [/(^|\/)onnx\/model\.onnx$/, /(^|\/)model\.onnx$/];
export const POOLING = '1_Pooling/config.json';
const SETTINGS = new Set<string>([...TOKENIZER_FILES, 'preprocessor_config.json']);

/**
 * The model among `paths`, the uppermost where there are several.
 * @param where for words.
 * @throws GraftError `base-invalid` with `hint` when there is none, or many to choose from.
 */
export function modelOf(paths: readonly string[], where: string, hint: string): string {
  const models = paths.filter((path) => path.endsWith('.onnx'));
  for (const wanted of PREFERRED) {
    const [found] = models.filter((path) => wanted.test(path)).sort((a, b) => a.length - b.length);
    if (found !== undefined) return found;
  }
  if (models.length === 1) return models[0]!;
  if (models.length === 0) throw new GraftError('base-invalid', `${where} has no .onnx file. ${hint}`);
  throw new GraftError(
    'base-invalid',
    `${where} has ${models.length} .onnx files (${models.slice(0, 5).join(', ')}), and none is onnx/model.onnx or model.onnx. Upload the one that is meant.`,
  );
}

/**
 * The settings and the files of the tokenizer that go with the model: path to name. Of several of one name the one in the
 * model's folder counts, or else in the next folder above it; what lies elsewhere belongs to something else.
 */
export function besideModel(paths: readonly string[], model: string): ReadonlyMap<string, string> {
  const all = new Set(paths);
  const found = new Map<string, string>();
  for (const name of [...SETTINGS, POOLING]) {
    const path = foldersAbove(model).find((folder) => all.has(folder + name));
    if (path !== undefined) found.set(path + name, name);
  }
  return found;
}

/**
 * Where the files lie in which the model keeps weights: in its own folder, in the order of `names`.
 * @param where for words.
 * @throws GraftError `base-invalid` naming those that are not there.
 */
export function weightPaths(
  paths: readonly string[],
  model: string,
  names: readonly string[],
  where: string,
): readonly string[] {
  const all = new Set(paths);
  const wanted = names.map((name) => foldersAbove(model)[0] + name);
  const missing = wanted.filter((path) => !all.has(path));
  if (missing.length === 0) return wanted;
  const listed = missing.slice(0, 5).map((path) => `'${path}'`);
  const more = missing.length > listed.length ? `, … ${missing.length} in all` : '';
  const detail = `${where} does not have ${listed.join(', ')}${more}, where ${model} keeps weights. They belong into the folder of the model, under that name.`;
  throw new GraftError('base-invalid', detail, {
    errors: missing.slice(0, 50).map((path) => ({ path, code: 'external-data-missing', detail: 'Not there.' })),
  });
}

/** `a/b/`, `a/` and the empty text of `a/b/c`. */
function foldersAbove(path: string): readonly string[] {
  const parts = path.split('/').slice(0, -1);
  return Array.from({ length: parts.length + 1 }, (_, up) =>
    parts
      .slice(0, parts.length - up)
      .map((part) => `${part}/`)
      .join(''),
  );
}

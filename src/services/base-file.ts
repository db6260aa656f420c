import { createHash } from 'node:crypto';
import type { Model } from '../domain/types.js';
import { GraftError } from '../errors.js';
import type { BlobStore } from '../storage/blob.js';
import { fillRecipe } from './export-recipe.js';
import { changedKey, recipeKey } from './model-files.js';

/**
 * Where the file of a base lies, by its digest: as it is (`bases/<digest>`), or, of a base made from a model, nothing but
 * what it is put together from (`derived/<digest>`): the model's recipe, head and changed tensors, and the base below.
 */
export const wholeKey = (digest: string): string => `bases/${digest}`;
export const derivedKey = (digest: string): string => `derived/${digest}`;
/** Where the files of a text base's tokenizer lie, as one JSON object of names and texts. */
export const tokenizerKey = (digest: string): string => `tokenizers/${digest}`;

/** Content of a `derived` blob, as JSON: a digest and blob keys. */
interface Derived {
  readonly format: 'graft-derived/1';
  readonly base: string;
  readonly recipe: string;
  readonly head: string;
  readonly changed: string | null;
}
const FORMAT = 'graft-derived/1';

/** Stores of what a base made from this model is put together. The model must stay as long as it does. */
export async function putDerived(store: BlobStore, digest: string, model: Model): Promise<void> {
  const { base, headKey: head } = model;
  const derived: Derived = {
    format: FORMAT,
    base: base.digest,
    recipe: recipeKey(model.id),
    head,
    changed: changedKey(model),
  };
  async function* content() {
    yield Buffer.from(JSON.stringify(derived));
  }
  await store.put(derivedKey(digest), content());
}

/**
 * The bytes of a base, whichever way it is stored: the one place where they are read. Throws `not-found`, and
 * `digest-mismatch` where what was put together is another file.
 */
export async function readBase(store: BlobStore, digest: string): Promise<Uint8Array> {
  const whole = await readOrNull(store, wholeKey(digest));
  if (whole !== null) return whole;
  const stored = await readOrNull(store, derivedKey(digest));
  if (stored === null) throw new GraftError('not-found', `The file of the base '${digest}' is gone.`);
  const { format, ...of } = JSON.parse(Buffer.from(stored).toString()) as Derived;
  if (format !== FORMAT)
    throw new Error(`The base '${digest}' is kept as '${format}'; this version reads '${FORMAT}'.`);
  const [recipe, base, head, changed] = await Promise.all([
    store.read(of.recipe),
    readBase(store, of.base),
    store.read(of.head),
    of.changed === null ? null : store.read(of.changed),
  ]);
  const file = Buffer.concat(fillRecipe(recipe, { base, head, changed }));
  if (`sha256:${createHash('sha256').update(file).digest('hex')}` === digest) return file;
  throw new GraftError('digest-mismatch', `The base '${digest}' is damaged: its parts in the store make another file.`);
}

async function readOrNull(store: BlobStore, key: string): Promise<Uint8Array | null> {
  try {
    return await store.read(key);
  } catch (error) {
    if (error instanceof GraftError && error.code === 'not-found') return null;
    throw error;
  }
}

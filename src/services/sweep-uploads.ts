import type { BlobStore } from '../storage/blob.js';
import { derivedKey, tokenizerKey, wholeKey } from './base-file.js';

/** Longer than any request may take, so that an upload under way is never taken for a lost one. */
const LOST_AFTER_MS = 24 * 3600 * 1000;
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';

/** When an id was made, in milliseconds since 1970: its first ten characters. */
function madeAt(id: string): number {
  let time = 0;
  for (const character of id.slice(0, 10)) time = time * 32 + ALPHABET.indexOf(character);
  return time;
}

/**
 * Deletes uploads that no row names: those of a process that ended between the last byte and the row.
 * @returns how many.
 */
export async function sweepUploads(
  store: BlobStore,
  named: (keys: readonly string[]) => Promise<ReadonlySet<string>>,
  now: number = Date.now(),
): Promise<number> {
  const old: string[] = [];
  for await (const { key } of store.list('uploads/')) {
    if (now - madeAt(key.slice(-26)) > LOST_AFTER_MS) old.push(key);
  }
  const known = await named(old);
  const lost = old.filter((key) => !known.has(key));
  for (const key of lost) await store.delete(key);
  return lost.length;
}

/** The keys below `prefix`, without it. */
async function namesBelow(store: BlobStore, prefix: string): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const { key } of store.list(prefix)) names.push(key.slice(prefix.length));
  return names;
}

const PACKS = 'packs/';

/**
 * Deletes packs of datasets that were deleted while they were checked, and of revisions that were found invalid after they
 * were packed.
 * @returns how many.
 */
export async function sweepPacks(
  store: BlobStore,
  lost: (revisions: readonly string[]) => Promise<readonly string[]>,
): Promise<number> {
  const useless = await lost(await namesBelow(store, PACKS));
  for (const revision of useless) await store.delete(PACKS + revision);
  return useless.length;
}

/**
 * Deletes the files of bases that are deleted, be they whole or what they are put together from, with their tokenizers, once nothing stands on them any more. `unneeded` gives those of the digests of
 * which that is so; it is asked again about each one just before it goes.
 * @returns how many.
 */
export async function sweepBases(
  store: BlobStore,
  unneeded: (digests: readonly string[]) => Promise<readonly string[]>,
): Promise<number> {
  let count = 0;
  for (const keyOf of [wholeKey, derivedKey, tokenizerKey])
    for (const digest of await unneeded(await namesBelow(store, keyOf('')))) {
      if ((await unneeded([digest])).length === 0) continue;
      await store.delete(keyOf(digest));
      count += 1;
    }
  return count;
}

import { createHash, randomBytes } from 'node:crypto';

/** What every key begins with, so that scanners of repositories and logs can find one that leaked. */
export const KEY_PREFIX = 'grft_';
/** How much of a key is kept in the clear, so that a person can tell keys apart. */
const SHOWN = 10;

/** What is stored of a key. A key has 256 random bits, so a plain digest cannot be guessed back. */
export function keyDigest(secret: string): string {
  return `sha256:${createHash('sha256').update(secret).digest('hex')}`;
}

export interface FreshKey {
  /** Shown once, never stored. */
  readonly secret: string;
  readonly digest: string;
  readonly prefix: string;
}

export function keyOfSecret(secret: string): FreshKey {
  return { secret, digest: keyDigest(secret), prefix: secret.slice(0, SHOWN) };
}

export function freshKey(): FreshKey {
  return keyOfSecret(`${KEY_PREFIX}${randomBytes(32).toString('base64url')}`);
}

import { randomFillSync } from 'node:crypto';

/** Crockford's base32 in lower case: sorts like the number it spells. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';

export const ID_PREFIXES = ['ds', 'base', 'job', 'mdl', 'evt', 'whk', 'key', 'prj', 'req'] as const;
export type IdPrefix = (typeof ID_PREFIXES)[number];

let lastMillis = 0;
const random = new Uint8Array(16);

/**
 * `<prefix>_<26 base32 characters>`: 10 characters of milliseconds since 1970, then 16 random ones (80 bits), so ids
 * sort by time. Within one process the time part never runs backwards, and two ids of the same millisecond keep their
 * order because the random part is incremented (ULID, monotonic form).
 */
export function newId(prefix: IdPrefix, now: number = Date.now()): string {
  if (now > lastMillis) {
    lastMillis = now;
    randomFillSync(random);
    for (let i = 0; i < random.length; i++) random[i] = random[i]! & 31;
  } else {
    for (let i = random.length - 1; i >= 0; i--) {
      if (random[i]! < 31) {
        random[i] = random[i]! + 1;
        break;
      }
      random[i] = 0;
    }
  }
  let time = '';
  for (let rest = lastMillis, i = 0; i < 10; i++, rest = Math.floor(rest / 32)) time = ALPHABET[rest % 32]! + time;
  let tail = '';
  for (const digit of random) tail += ALPHABET[digit]!;
  return `${prefix}_${time}${tail}`;
}

/** Whether `value` is an id of this kind. */
export function isId(prefix: IdPrefix, value: string): boolean {
  return new RegExp(`^${prefix}_[${ALPHABET}]{26}$`).test(value);
}

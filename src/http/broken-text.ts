import { loneSurrogate, pointer } from '../words.js';

/** The first text of a body, names of fields too, that is none: with a NUL, or half of a surrogate pair in it. */
export function brokenText(body: unknown, path = ''): { readonly path: string; readonly what: string } | null {
  if (typeof body === 'string') {
    const what = brokenBy(body);
    return what === null ? null : { path, what };
  }
  if (typeof body !== 'object' || body === null || ArrayBuffer.isView(body)) return null;
  for (const [name, part] of Object.entries(body)) {
    const what = brokenBy(name);
    if (what !== null) return { path, what };
    const found = brokenText(part, `${path}/${pointer(name)}`);
    if (found !== null) return found;
  }
  return null;
}

function brokenBy(text: string): string | null {
  if (text.includes('\0')) return 'a NUL (U+0000)';
  return loneSurrogate(text) >= 0 ? 'half of a surrogate pair' : null;
}

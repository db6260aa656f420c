/** What is wrong with a picture, in words: libvips speaks of its own functions. */
export interface ImageProblem {
  readonly code: string;
  readonly detail: string;
}

const TAKEN = 'JPEG, PNG, WebP, GIF, TIFF and AVIF are taken';

/** The format by its first bytes, as people call it; null when it is none we know. */
export function formatOf(bytes: Uint8Array): string | null {
  const ascii = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(64, bytes.byteLength)).toString('latin1');
  if (ascii.startsWith('\xff\xd8\xff')) return 'JPEG';
  if (ascii.startsWith('\x89PNG')) return 'PNG';
  if (ascii.startsWith('GIF8')) return 'GIF';
  if (ascii.startsWith('RIFF') && ascii.slice(8, 12) === 'WEBP') return 'WebP';
  if (ascii.startsWith('II*\0') || ascii.startsWith('MM\0*')) return 'TIFF';
  if (ascii.slice(4, 8) === 'ftyp') return ascii.slice(8, 12).startsWith('avi') ? 'AVIF' : 'HEIF';
  if (ascii.startsWith('BM')) return 'BMP';
  if (ascii.startsWith('%PDF')) return 'PDF';
  if (ascii.startsWith('%!PS')) return 'PostScript';
  if (/^\s*(<\?xml|<svg)/i.test(ascii)) return 'SVG or XML';
  if (/^\s*(<!doctype|<html)/i.test(ascii)) return 'a web page';
  return null;
}

/** JPEG: whether the end marker is there; what libvips says of the middle is not always why. */
function endsEarly(bytes: Uint8Array, format: string | null): boolean {
  if (format === 'JPEG') {
    const tail = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return tail.lastIndexOf(Buffer.from([0xff, 0xd9])) < 0;
  }
  if (format === 'PNG') return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).lastIndexOf('IEND') < 0;
  if (format === 'WebP' && bytes.byteLength >= 8) {
    return Buffer.from(bytes.buffer, bytes.byteOffset, 8).readUInt32LE(4) + 8 > bytes.byteLength;
  }
  return false;
}

/** From the decoder's error to a code and a sentence. */
export function imageProblem(bytes: Uint8Array, error: unknown): ImageProblem {
  const words = error instanceof Error ? error.message : String(error);
  const short = words.split('\n')[0]!.replace(/\s+/g, ' ').slice(0, 200);
  if (bytes.byteLength === 0) return { code: 'image-empty', detail: 'The file is empty.' };
  const format = formatOf(bytes);
  if (/exceeds pixel limit|too large|dimensions/i.test(words)) {
    return {
      code: 'image-too-large',
      detail: `The ${format ?? 'picture'} claims more pixels than are taken (120 million); scale it down.`,
    };
  }
  if (endsEarly(bytes, format)) {
    return {
      code: 'image-truncated',
      detail: `The ${format} ends after ${bytes.byteLength} bytes, before its end: it was cut off. Send the whole file.`,
    };
  }
  if (/premature end|truncat|unexpected end|end of (file|data|stream)/i.test(words)) {
    return {
      code: 'image-truncated',
      detail: `The ${format ?? 'picture'} (${bytes.byteLength} bytes) lacks data: ${short}`,
    };
  }
  if (
    format === null ||
    /unsupported image format|blocked/i.test(words) ||
    ['HEIF', 'BMP', 'PDF', 'PostScript', 'SVG or XML', 'a web page'].includes(format)
  ) {
    return {
      code: 'image-format-unsupported',
      detail: `The file is ${format === null ? 'no picture that is known here' : format}; ${TAKEN}.`,
    };
  }
  return { code: 'image-corrupt', detail: `The ${format} cannot be decoded: ${short}` };
}

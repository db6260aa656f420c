import { isSrgb, type RgbProfile, readRgbProfile } from './rgb-profile.js';

/** What stands before the pixels of a JPEG (ITU-T T.81, annex B). */
export interface JpegHeader {
  /** In pixels, as stored: not yet turned as `orientation` says. */
  readonly width: number;
  readonly height: number;
  /** EXIF's, 1 to 8; 1 is upright. */
  readonly orientation: number;
  /** The embedded colour profile; `srgb` where it says nothing else, `other` where it is in parts or not of this kind. */
  readonly profile: 'none' | 'srgb' | 'other' | RgbProfile;
  /** Y, Cb and Cr of 8 bits in one of Huffman's forms, as nearly all photos: not grey, RGB, CMYK, lossless or arithmetic. */
  readonly ordinary: boolean;
}

/** Baseline, extended sequential and progressive. */
const HUFFMAN = new Set([0xc0, 0xc1, 0xc2]);
/** DHT, JPG and DAC stand among the numbers that start a frame. */
const NO_FRAME = new Set([0xc4, 0xc8, 0xcc]);
const [APP0, APP1, APP2, APP14, START_OF_SCAN] = [0xe0, 0xe1, 0xe2, 0xee, 0xda];
/** Followed by which part of how many it is. */
const PROFILE = 'ICC_PROFILE\0';

/** Null where the bytes are no JPEG, or one whose header is damaged or does not tell its size. */
export function jpegHeader(bytes: Uint8Array): JpegHeader | null {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (file.length < 4 || file.readUInt16BE(0) !== 0xffd8) return null;
  let frame: { marker: number; content: Buffer } | undefined;
  let [orientation, jfif, transform]: [number | undefined, boolean, number | undefined] = [undefined, false, undefined];
  let profile: JpegHeader['profile'] = 'none';
  for (let at = 2; ; ) {
    if (at + 4 > file.length || file[at] !== 0xff) return null;
    const marker = file[at + 1]!;
    if (marker === START_OF_SCAN) break;
    const end = at + 2 + file.readUInt16BE(at + 2);
    if (end > file.length || end < at + 4) return null;
    const content = file.subarray(at + 4, end);
    const says = (name: string): boolean => content.subarray(0, name.length).equals(Buffer.from(name, 'latin1'));
    if (marker >= 0xc0 && marker <= 0xcf && !NO_FRAME.has(marker)) frame ??= { marker, content };
    else if (marker === APP0) jfif ||= says('JFIF\0');
    else if (marker === APP1 && says('Exif\0\0')) orientation ??= exifOrientation(content.subarray(6));
    else if (marker === APP2 && says(PROFILE))
      profile = profile === 'none' ? kindOf(content.subarray(PROFILE.length + 2)) : 'other';
    else if (marker === APP14 && says('Adobe')) transform ??= content[11];
    at = end;
  }
  if (frame === undefined || frame.content.length < 6) return null;
  const { marker, content } = frame;
  const [height, width] = [content.readUInt16BE(1), content.readUInt16BE(3)];
  // A height of 0 is told after the first scan.
  if (width === 0 || height === 0) return null;
  const components = [content[6], content[9], content[12]];
  const yCbCr = transform === undefined ? jfif || components.every((id, i) => id === i + 1) : transform === 1;
  const ordinary = HUFFMAN.has(marker) && content[0] === 8 && content[5] === 3 && content.length === 15 && yCbCr;
  return { width, height, orientation: orientation ?? 1, profile, ordinary };
}

/** By their bytes: photos of one camera or program have the same, and to read one takes longer than the rest of a header. */
const kinds = new Map<string, JpegHeader['profile']>();
const MOST_KINDS = 32;
const MOST_KEPT_BYTES = 16_384;

function kindOf(embedded: Buffer): JpegHeader['profile'] {
  const key = embedded.length > MOST_KEPT_BYTES ? null : embedded.toString('latin1');
  const known = key === null ? undefined : kinds.get(key);
  if (known !== undefined) return known;
  const profile = readRgbProfile(embedded);
  const kind = profile === null ? 'other' : isSrgb(profile) ? 'srgb' : profile;
  if (kinds.size >= MOST_KINDS) kinds.clear();
  if (key !== null) kinds.set(key, kind);
  return kind;
}

/** Of the TIFF that an EXIF segment holds: tag 0x112 of its first directory. 1 where there is none, or none that is known. */
function exifOrientation(tiff: Buffer): number {
  const order = tiff.toString('latin1', 0, 2);
  if (tiff.length < 8 || (order !== 'II' && order !== 'MM')) return 1;
  const little = order === 'II';
  const u16 = (at: number): number =>
    at + 2 > tiff.length ? 0 : little ? tiff.readUInt16LE(at) : tiff.readUInt16BE(at);
  const directory = little ? tiff.readUInt32LE(4) : tiff.readUInt32BE(4);
  for (let entry = 0; entry < u16(directory); entry++) {
    const at = directory + 2 + 12 * entry;
    if (u16(at) !== 0x0112) continue;
    const value = u16(at + 8);
    return value >= 1 && value <= 8 ? value : 1;
  }
  return 1;
}

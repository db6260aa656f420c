const APP2 = 0xe2;
const START_OF_SCAN = 0xda;
/** `ICC_PROFILE`, first of one part, and the length of the one profile that most cameras and editors embed. */
const HEAD = Buffer.from('ICC_PROFILE\0\x01\x01\x00\x00\x0c\x48', 'latin1');
const NAME = 'sRGB IEC61966-2.1';

/**
 * Whether a JPEG embeds the 3,144-byte "sRGB IEC61966-2.1" profile. Converting from it to sRGB changes no pixel but
 * takes longer than decoding (its tables are built anew for every picture), so it is better left out. False when unsure.
 */
export function embedsPlainSrgb(bytes: Uint8Array): boolean {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (file.length < 4 || file.readUInt16BE(0) !== 0xffd8) return false;
  for (let at = 2; at + 4 <= file.length && file[at] === 0xff && file[at + 1] !== START_OF_SCAN; ) {
    const content = file.subarray(at + 4, at + 2 + file.readUInt16BE(at + 2));
    if (file[at + 1] === APP2 && content.subarray(0, HEAD.length).equals(HEAD))
      return content.includes(NAME, 0, 'latin1');
    at += 2 + file.readUInt16BE(at + 2);
  }
  return false;
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** RFC 4648 in whole groups of eight digits, which need no padding, in either case; undefined for anything else. */
export function decodeBase32(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!/^(?:[A-Za-z2-7]{8})*$/.test(text)) return undefined;
  const bytes = new Uint8Array((text.length * 5) / 8);
  let held = 0;
  let bits = 0;
  let offset = 0;
  for (const character of text.toUpperCase()) {
    held = ((held << 5) | alphabet.indexOf(character)) & 0xfff; // never more than 7 + 5 bits wait for a byte
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes[offset] = held >>> bits;
    offset += 1;
  }
  return bytes;
}

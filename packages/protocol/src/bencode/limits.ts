/** What a stranger's bencode may cost. Past a limit the decoder says so and stops. */
export interface BencodeLimits {
  /** Lists and dictionaries open at once. */
  readonly depth: number;
  /** Integers, byte strings (keys too), lists and dictionaries in all. */
  readonly tokens: number;
}

/** For files: a torrent of 200,000 files needs about two million tokens. */
export const bencodeLimits: BencodeLimits = { depth: 32, tokens: 3_000_000 };

/** For messages of strangers: handshakes, tracker replies, DHT datagrams. */
export const bencodeMessageLimits: BencodeLimits = { depth: 32, tokens: 20_000 };

/** Keys become strings, which cost more than bytes do; no format has keys near this. */
export const bencodeKeyBytesMax = 4096;

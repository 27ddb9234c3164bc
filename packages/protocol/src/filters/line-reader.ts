/** A line of a list that people keep: longer ones are no entries. */
const lineBytesMax = 4096;

/** A span of the bytes, spaces and tabs at its ends left out. */
export interface Line {
  readonly from: number;
  readonly to: number;
}

/**
 * Hands on each line that says something: not the empty ones and the comments, which begin with `#` or `//`.
 * `take` tells whether the line was good; undefined ends the reading. Returns the lines that were not good.
 */
export function readLines(bytes: Uint8Array, take: (line: Line) => boolean | undefined): number {
  let bad = 0;
  let start = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0; // a byte order mark
  while (start < bytes.length) {
    const feed = bytes.indexOf(lineFeed, start);
    const end = feed === -1 ? bytes.length : feed;
    const line = trimmed(bytes, start, end);
    start = end + 1;
    if (line.from === line.to || isComment(bytes, line)) continue;
    const good = line.to - line.from <= lineBytesMax && take(line);
    if (good === undefined) return bad;
    if (!good) bad += 1;
  }
  return bad;
}

export function isBlank(byte: number | undefined): boolean {
  return byte === space || byte === tab || byte === carriageReturn;
}

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const space = 0x20;
const tab = 0x09;
const hash = 0x23;
const slash = 0x2f;

function trimmed(bytes: Uint8Array, start: number, end: number): Line {
  let from = start;
  let to = end;
  while (from < to && isBlank(bytes[from])) from += 1;
  while (to > from && isBlank(bytes[to - 1])) to -= 1;
  return { from, to };
}

function isComment(bytes: Uint8Array, { from }: Line): boolean {
  return bytes[from] === hash || (bytes[from] === slash && bytes[from + 1] === slash);
}

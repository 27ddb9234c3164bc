import { assert, concat, fail, fromUtf8, ok, type Result, utf8 } from "@dure/base";

/*
 * Options after an announce (BEP 41):  0 end   1 nop   2 URLData length bytes…   n length bytes… (skipped)
 */
const optionEnd = 0;
const optionNop = 1;
const optionUrlData = 2;
/** Longest path and query sent or taken: as much as an HTTP server takes in a request line. */
export const urlDataBytesMax = 8000;

/** The URLData options for `text`, in chunks of 255; nothing at all for a URL without path and query. */
export function encodeUrlData(text: string): Uint8Array<ArrayBuffer> {
  const data = utf8(text);
  assert(data.length <= urlDataBytesMax, "a tracker URL was bounded when it was taken");
  const parts: Uint8Array[] = [];
  for (let offset = 0; offset < data.length; offset += 255) {
    const chunk = data.subarray(offset, offset + 255);
    parts.push(Uint8Array.of(optionUrlData, chunk.length), chunk);
  }
  return concat(parts);
}

/** Path and query out of the options; unknown options are skipped. */
export function decodeUrlData(
  options: Uint8Array,
): Result<string, "url-data-truncated" | "url-data-too-long"> {
  const parts: Uint8Array[] = [];
  let total = 0;
  let offset = 0;
  while (offset < options.length && options[offset] !== optionEnd) {
    const option = options[offset];
    offset += 1;
    if (option === optionNop) continue;
    const length = options[offset];
    if (length === undefined || offset + 1 + length > options.length) return fail("url-data-truncated");
    if (option === optionUrlData) {
      total += length;
      if (total > urlDataBytesMax) return fail("url-data-too-long");
      parts.push(options.subarray(offset + 1, offset + 1 + length));
    }
    offset += 1 + length;
  }
  return ok(fromUtf8(concat(parts)));
}

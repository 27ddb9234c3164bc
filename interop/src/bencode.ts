export type Bencodable =
  | number
  | string
  | Buffer
  | readonly Bencodable[]
  | { readonly [key: string]: Bencodable };

/** The encoder of the interop tests (BEP 3), apart from the product's own, so that no program under test makes its input. */
export function bencode(value: Bencodable): Buffer {
  if (typeof value === "number") return Buffer.from(`i${value}e`);
  if (typeof value === "string") return bencode(Buffer.from(value));
  if (Buffer.isBuffer(value)) return Buffer.concat([Buffer.from(`${value.length}:`), value]);
  if (isList(value)) return Buffer.concat([Buffer.from("l"), ...value.map(bencode), Buffer.from("e")]);
  const entries = Object.entries(value).map(([key, entry]) => [Buffer.from(key), entry] as const);
  entries.sort(([left], [right]) => Buffer.compare(left, right)); // raw bytes, as BEP 3 wants
  const parts = entries.flatMap(([key, entry]) => [bencode(key), bencode(entry)]);
  return Buffer.concat([Buffer.from("d"), ...parts, Buffer.from("e")]);
}

/** `Array.isArray` does not narrow a readonly array out of a union. */
function isList(value: Bencodable): value is readonly Bencodable[] {
  return Array.isArray(value);
}

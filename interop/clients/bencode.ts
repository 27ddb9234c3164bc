export type Bencodable =
  | number
  | string
  | Buffer
  | readonly Bencodable[]
  | { readonly [key: string]: Bencodable };

/** BEP 3, apart from Dure's own: what tests Dure must not be made by it. Dictionary keys here are ASCII. */
export function bencode(value: Bencodable): Buffer {
  if (typeof value === "number") return Buffer.from(`i${value}e`);
  if (typeof value === "string") return bencode(Buffer.from(value));
  if (Buffer.isBuffer(value)) return Buffer.concat([Buffer.from(`${value.length}:`), value]);
  if (isList(value)) return Buffer.concat([Buffer.from("l"), ...value.map(bencode), Buffer.from("e")]);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  const parts = entries.flatMap(([key, item]) => [bencode(key), bencode(item)]);
  return Buffer.concat([Buffer.from("d"), ...parts, Buffer.from("e")]);
}

/** `Array.isArray` does not narrow a readonly array. */
function isList(value: readonly Bencodable[] | object): value is readonly Bencodable[] {
  return Array.isArray(value);
}

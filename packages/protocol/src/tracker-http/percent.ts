import { byteAt, fail, ok, type Result } from "@dure/base";

const hexDigits = "0123456789ABCDEF";

/** Raw bytes in a query: everything but RFC 3986's unreserved characters is `%XX`. */
export function percentEncode(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) {
    const character = String.fromCharCode(byte);
    text += /[A-Za-z0-9._~-]/.test(character)
      ? character
      : `%${hexDigits.charAt(byte >>> 4)}${hexDigits.charAt(byte & 15)}`;
  }
  return text;
}

/** The raw bytes of a query's name or value. `+` is a space, as forms and some old clients write it. */
export function percentDecode(text: string): Result<Uint8Array<ArrayBuffer>, "bad-percent" | "not-ascii"> {
  const bytes = new Uint8Array(text.length);
  let length = 0;
  for (let index = 0; index < text.length; index += 1) {
    let code = text.charCodeAt(index);
    if (code > 0x7e || code < 0x20) return fail("not-ascii");
    if (code === plus) code = space;
    else if (code === percent) {
      const digits = text.slice(index + 1, index + 3);
      if (!/^[0-9a-fA-F]{2}$/.test(digits)) return fail("bad-percent");
      code = Number.parseInt(digits, 16);
      index += 2;
    }
    bytes[length] = code;
    length += 1;
  }
  return ok(bytes.slice(0, length));
}

/** As `percentDecode`, for values that are ASCII words and numbers: one character a byte. */
export function percentDecodeText(text: string): Result<string, "bad-percent" | "not-ascii"> {
  const bytes = percentDecode(text);
  if (!bytes.ok) return bytes;
  let decoded = "";
  for (let index = 0; index < bytes.value.length; index += 1) {
    decoded += String.fromCharCode(byteAt(bytes.value, index));
  }
  return ok(decoded);
}

const percent = 0x25;
const plus = 0x2b;
const space = 0x20;

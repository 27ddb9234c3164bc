import { slot } from "./body-names.ts";
import type { Fields } from "./fields.ts";
import { isItemValue } from "./item.ts";
import { krpcLimits, publicKeyBytes, signatureBytes } from "./limits.ts";
import type { DhtItem } from "./messages.ts";

const noSalt = new Uint8Array();

/**
 * The item in the arguments of a put or in the answer to a get, or the error of BEP 44 for what is wrong with it. A
 * key or a signature makes it mutable, and then it must have all of them.
 */
export function readItem(fields: Fields): DhtItem | 203 | 205 | 207 {
  const value = fields.raw(slot.value);
  if (value === undefined) return 203;
  if (value.length > krpcLimits.valueBytesMax) return 205;
  if (!isItemValue(value)) return 203;
  if (!fields.has(slot.publicKey) && !fields.has(slot.signature)) return { type: "immutable", value };
  const salt = fields.has(slot.salt) ? fields.bytes(slot.salt, 0, krpcLimits.datagramBytesMax) : noSalt;
  if (salt !== undefined && salt.length > krpcLimits.saltBytesMax) return 207;
  const publicKey = fields.bytes(slot.publicKey, publicKeyBytes, publicKeyBytes);
  const signature = fields.bytes(slot.signature, signatureBytes, signatureBytes);
  const sequence = fields.integer(slot.sequence, 0, Number.MAX_SAFE_INTEGER);
  if (salt === undefined || publicKey === undefined || signature === undefined || sequence === undefined) {
    return 203;
  }
  return { type: "mutable", value, publicKey, signature, sequence, salt };
}

import { slot } from "./body-names.ts";
import type { Fields } from "./fields.ts";
import { isItemValue } from "./item.ts";
import { krpcLimits, publicKeyBytes, signatureBytes } from "./limits.ts";
import type { DhtItem } from "./messages.ts";

/** The error of BEP 44 for what is wrong with an item. */
export type ItemFault = 203 | 205 | 207;

const noSalt = new Uint8Array();

/** The item in the arguments of a put. */
export function readPutItem(fields: Fields): DhtItem | ItemFault {
  const salt = fields.has(slot.salt) ? fields.bytes(slot.salt, 0, krpcLimits.datagramBytesMax) : noSalt;
  if (salt === undefined) return 203;
  return salt.length > krpcLimits.saltBytesMax ? 207 : readItem(fields, salt);
}

/** The item in the answer to a get, which has no salt. */
export function readGotItem(fields: Fields): DhtItem | ItemFault {
  return readItem(fields, noSalt);
}

// A key or a signature makes an item mutable, and then it must have all that belongs to one.
function readItem(fields: Fields, salt: Uint8Array): DhtItem | ItemFault {
  const value = fields.raw(slot.value);
  if (value === undefined) return 203;
  if (value.length > krpcLimits.valueBytesMax) return 205;
  if (!isItemValue(value)) return 203;
  if (!fields.has(slot.publicKey) && !fields.has(slot.signature)) return { type: "immutable", value };
  const publicKey = fields.bytes(slot.publicKey, publicKeyBytes, publicKeyBytes);
  const signature = fields.bytes(slot.signature, signatureBytes, signatureBytes);
  const sequence = fields.integer(slot.sequence, 0, Number.MAX_SAFE_INTEGER);
  if (publicKey === undefined || signature === undefined || sequence === undefined) return 203;
  return { type: "mutable", value, publicKey, signature, sequence, salt };
}

import {
  type Address,
  assert,
  concat,
  decodeCompactList,
  encodeCompact,
  type Family,
  fail,
  familyOf,
  formatAddress,
  ok,
  type Result,
} from "@dure/base";
import {
  asBytes,
  asDict,
  type BencodeDict,
  type BencodeReason,
  bencodeMessageLimits,
  decodeBencodePrefix,
  encodeBencode,
} from "../bencode/index.ts";
import { pexLimits } from "./limits.ts";
import { type PexContact, type PexMessage, pexFlagsByte, pexFlagsOf } from "./pex-message.ts";

/*
 * BEP 11: one dictionary, every key of it optional.
 *
 *   added     6 bytes an IPv4 contact: address (4), port (2)      added6    18 bytes an IPv6 contact
 *   added.f   1 byte of flags for each of them                    added6.f  likewise
 *   dropped   6 bytes an IPv4 contact                             dropped6  18 bytes an IPv6 contact
 */

export type PexReason = BencodeReason | "too-long";

const { contactsMax, messageBytesMax } = pexLimits;

export function encodePex({ added, dropped }: PexMessage): Uint8Array<ArrayBuffer> {
  assert(added.length <= contactsMax && dropped.length <= contactsMax, "a message of ours keeps the limit");
  const added4 = added.filter(({ address }) => familyOf(address.ip) === 4);
  const added6 = added.filter(({ address }) => familyOf(address.ip) === 6);
  const dropped4 = dropped.filter(({ ip }) => familyOf(ip) === 4);
  const dropped6 = dropped.filter(({ ip }) => familyOf(ip) === 6);
  return encodeBencode({
    // BEP 11 wants one of the lists at least, so this one always stands.
    added: compact(added4.map(({ address }) => address)),
    "added.f": flagBytes(added4),
    added6: unlessEmpty(compact(added6.map(({ address }) => address))),
    "added6.f": unlessEmpty(flagBytes(added6)),
    dropped: unlessEmpty(compact(dropped4)),
    dropped6: unlessEmpty(compact(dropped6)),
  });
}

/**
 * A list of the wrong type counts as absent, a flag that is missing as zero, and past the limit contacts are cut. What
 * stands twice, or without a port, is left out, and so is what was added and dropped at once.
 */
export function decodePex(payload: Uint8Array): Result<PexMessage, PexReason> {
  if (payload.length > messageBytesMax) return fail("too-long");
  const decoded = decodeBencodePrefix(payload, 0, bencodeMessageLimits);
  if (!decoded.ok) return decoded;
  const dict = asDict(decoded.value.value);
  if (dict === undefined) return fail("not-a-dictionary");
  const added = readLists(dict, "added");
  const dropped = readLists(dict, "dropped");
  return ok({
    added: [...added].filter(([key]) => !dropped.has(key)).map(([, contact]) => contact),
    dropped: [...dropped].filter(([key]) => !added.has(key)).map(([, { address }]) => address),
  });
}

/** By address, at most `contactsMax`. */
function readLists(dict: BencodeDict, name: "added" | "dropped"): ReadonlyMap<string, PexContact> {
  const four = asBytes(dict.get(name)) ?? nothing;
  const six = asBytes(dict.get(`${name}6`)) ?? nothing;
  const count4 = Math.floor(four.length / entryBytes[4]);
  const count6 = Math.floor(six.length / entryBytes[6]);
  // Where both are long each family has half: one must not silence the other.
  const take6 = Math.min(count6, Math.max(contactsMax - count4, contactsMax / 2));
  const contacts = new Map<string, PexContact>(); // bounded: contactsMax
  readList(contacts, { bytes: four, family: 4, count: contactsMax - take6, flags: dict.get(`${name}.f`) });
  readList(contacts, { bytes: six, family: 6, count: take6, flags: dict.get(`${name}6.f`) });
  return contacts;
}

interface List {
  readonly bytes: Uint8Array;
  readonly family: Family;
  readonly count: number;
  readonly flags: Parameters<typeof asBytes>[0];
}

function readList(contacts: Map<string, PexContact>, { bytes, family, count, flags }: List): void {
  const flagList = asBytes(flags) ?? nothing;
  const taken = bytes.subarray(0, count * entryBytes[family]);
  for (const [index, address] of decodeCompactList(taken, family).entries()) {
    const key = formatAddress(address);
    if (address.port === 0 || contacts.has(key)) continue;
    contacts.set(key, { address, flags: pexFlagsOf(flagList[index] ?? 0) });
  }
}

const entryBytes = { 4: 6, 6: 18 } as const;
const nothing = new Uint8Array(0);

function compact(addresses: readonly Address[]): Uint8Array {
  return concat(addresses.map(encodeCompact));
}

function flagBytes(contacts: readonly PexContact[]): Uint8Array {
  return Uint8Array.from(contacts, ({ flags }) => pexFlagsByte(flags));
}

function unlessEmpty(bytes: Uint8Array): Uint8Array | undefined {
  return bytes.length === 0 ? undefined : bytes;
}

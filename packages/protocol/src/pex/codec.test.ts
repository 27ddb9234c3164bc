import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { test } from "node:test";
import {
  type Address,
  concat,
  encodeCompact,
  familyOf,
  formatAddress,
  latin1,
  type Prng,
  utf8,
} from "@dure/base";
import { cutEverywhere, fuzzCodec } from "@dure/base/testing";
import fc from "fast-check";
import { encodeBencode } from "../bencode/index.ts";
import { decodePex, encodePex } from "./codec.ts";
import { pexLimits } from "./limits.ts";
import { type PexContact, type PexMessage, pexFlagsByte, pexFlagsOf } from "./pex-message.ts";

const a: Address = { ip: "192.0.2.1", port: 6881 };
const b: Address = { ip: "192.0.2.2", port: 80 };
const c: Address = { ip: "2001:db8::1", port: 6881 };
const d: Address = { ip: "2001:db8::2", port: 7000 };

const contact = (address: Address, byte = 0): PexContact => ({ address, flags: pexFlagsOf(byte) });

test("contacts of both families are written in their compact forms, with a byte of flags each (BEP 11)", () => {
  const bytes = encodePex({ added: [contact(c, 0x10), contact(a, 0x02)], dropped: [d, b] });
  equal(
    latin1(bytes),
    "d5:added6:\xc0\0\x02\x01\x1a\xe17:added.f1:\x026:added618:\x20\x01\x0d\xb8" +
      `${"\0".repeat(11)}\x01\x1a\xe18:added6.f1:\x10` +
      `7:dropped6:\xc0\0\x02\x02\0\x508:dropped618:\x20\x01\x0d\xb8${"\0".repeat(11)}\x02\x1b\x58e`,
  );
});

test("a message with nothing to say still has one of the lists", () => {
  equal(latin1(encodePex({ added: [], dropped: [] })), "d5:added0:7:added.f0:e");
  deepEqual(decodePex(utf8("de")), { ok: true, value: { added: [], dropped: [] } });
});

test("each flag is its bit of BEP 11's table, and reserved bits are nothing", () => {
  const named = (byte: number) =>
    Object.entries(pexFlagsOf(byte)).flatMap(([name, on]) => (on ? [name] : []));
  deepEqual(named(0x01), ["prefersEncryption"]);
  deepEqual(named(0x02), ["seed"]);
  deepEqual(named(0x04), ["utp"]);
  deepEqual(named(0x08), ["holepunch"]);
  deepEqual(named(0x10), ["reachable"]);
  deepEqual(named(0xe0), []);
  for (let byte = 0; byte < 256; byte += 1) equal(pexFlagsByte(pexFlagsOf(byte)), byte & 0x1f);
});

test("what is written is read back, with IPv4 first", () => {
  const port = fc.integer({ min: 1, max: 65_535 });
  const ip = fc.oneof(
    fc.ipV4(),
    fc.integer({ min: 0, max: 0xffff }).map((group) => `2001:db8::${group.toString(16)}`),
  );
  const address = fc.record(
    { ip: ip.map((text) => text.replace(/::0$/, "::")), port },
    { noNullPrototype: true },
  );
  const addresses = fc.uniqueArray(address, { maxLength: 100, selector: formatAddress });
  fc.assert(
    fc.property(addresses, fc.nat(0xff), (all, byte) => {
      const added = all.slice(0, 50).map((one) => contact(one, byte));
      const message = { added, dropped: all.slice(50) };
      deepEqual(decodePex(encodePex(message)), { ok: true, value: byFamily(message) });
    }),
  );
});

test("fifty contacts are taken and the fifty-first is not, whichever the families", () => {
  equal(pexLimits.contactsMax, 50);
  const lists = (count4: number, count6: number) =>
    read({ added: many(4, count4), added6: many(6, count6) }).added.map(({ address }) =>
      familyOf(address.ip),
    );
  const counts = (count4: number, count6: number) => {
    const families = lists(count4, count6);
    return [
      families.filter((family) => family === 4).length,
      families.filter((family) => family === 6).length,
    ];
  };
  deepEqual(counts(50, 0), [50, 0]);
  deepEqual(counts(51, 0), [50, 0]);
  deepEqual(counts(0, 51), [0, 50]);
  deepEqual(counts(30, 20), [30, 20]);
  deepEqual(counts(30, 21), [29, 21]);
  deepEqual(counts(40, 40), [25, 25]);
  deepEqual(counts(200, 3), [47, 3]);
  equal(read({ dropped: many(4, 51) }).dropped.length, 50);
  const fifty = Array.from({ length: 51 }, (_, index) => ({ ip: `10.0.0.${index}`, port: 1 }));
  throws(() => encodePex({ added: [], dropped: fifty }));
  throws(() => encodePex({ added: fifty.map((one) => contact(one)), dropped: [] }));
});

test("what stands twice, has no port, or is added and dropped at once is left out", () => {
  const message = read({
    added: list(a, a, { ip: "192.0.2.9", port: 0 }, b),
    "added.f": Uint8Array.of(0x10, 0x02, 0, 0x04),
    dropped: list(b, b),
  });
  deepEqual(message, { added: [contact(a, 0x10)], dropped: [] });
});

test("a flag that is missing is zero, a list of the wrong type is absent, a fragment at the end is ignored", () => {
  const cut = concat([list(a, b), Uint8Array.of(1, 2, 3)]);
  deepEqual(read({ added: cut, "added.f": Uint8Array.of(2) }).added, [contact(a, 2), contact(b)]);
  deepEqual(read({ added: cut, "added.f": 7 }).added, [contact(a), contact(b)]);
  deepEqual(read({ added: 1, added6: [], dropped: {}, dropped6: list(c), unknown: "x" }), {
    added: [],
    dropped: [c],
  });
});

test("an IPv4 address in the IPv6 list is the IPv4 address", () => {
  const mapped = concat([new Uint8Array(10), Uint8Array.of(0xff, 0xff, 192, 0, 2, 1, 0x1a, 0xe1)]);
  deepEqual(read({ added6: mapped, added: list(a) }).added, [contact(a)]);
});

test("32 KiB are read, and a byte more is refused; so is what is no dictionary", () => {
  const pad = (bytes: number) => {
    const empty = encodeBencode({ added: list(a), pad: "" }).length;
    const message = encodeBencode({ added: list(a), pad: "x".repeat(bytes - empty - 4) });
    equal(message.length, bytes);
    return message;
  };
  equal(decodePex(pad(32_768)).ok, true);
  deepEqual(decodePex(pad(32_769)), { ok: false, reason: "too-long" });
  deepEqual(decodePex(utf8("le")), { ok: false, reason: "not-a-dictionary" });
});

const samples = [
  encodePex({ added: [contact(a, 0x12), contact(c, 0x04)], dropped: [b, d] }),
  encodePex({
    added: Array.from({ length: 50 }, (_, index) =>
      contact({ ip: `198.51.100.${index}`, port: 6881 }, index),
    ),
    dropped: [],
  }),
  encodeBencode({
    added: many(4, 120),
    "added.f": new Uint8Array(120),
    added6: many(6, 120),
    dropped: many(4, 9),
  }),
];

test("a message cut at any byte is refused", () => {
  for (const sample of samples)
    for (const answer of cutEverywhere(sample, decodePex)) equal(answer.ok, false);
});

test("ten thousand strange messages give contacts within the limits, or a reason", () => {
  const tally = fuzzCodec({
    name: "ut-pex",
    seed: 11,
    samples,
    decode: decodePex,
    grammar: strangeMessage,
    check: (answer) => {
      if (!answer.ok) return;
      const { added, dropped } = answer.value;
      ok(added.length <= 50 && dropped.length <= 50);
      const keys = [...added.map(({ address }) => address), ...dropped].map(formatAddress);
      equal(new Set(keys).size, keys.length);
      ok([...added.map(({ address }) => address), ...dropped].every(({ port }) => port > 0));
      deepEqual(decodePex(encodePex(answer.value)), { ok: true, value: byFamily(answer.value) });
    },
  });
  for (const reason of ["not-a-dictionary", "truncated", "too-long", "bad-token"])
    ok((tally.reasons.get(reason) ?? 0) > 0, reason);
  ok(tally.accepted > 1000, `${tally.accepted} accepted`);
});

function strangeMessage(prng: Prng): Uint8Array {
  const kind = prng.below(20);
  if (kind === 0) return utf8("i1e");
  if (kind === 1) return encodeBencode({ added: new Uint8Array(33_000) });
  const fields: Record<string, Uint8Array | number> = {};
  for (const key of ["added", "added.f", "added6", "added6.f", "dropped", "dropped6"])
    if (prng.chance(0.7)) fields[key] = prng.chance(0.1) ? 5 : prng.bytes(prng.below(1500));
  return encodeBencode(fields);
}

function read(fields: Parameters<typeof encodeBencode>[0]): PexMessage {
  const result = decodePex(encodeBencode(fields));
  ok(result.ok);
  return result.value;
}

function byFamily({ added, dropped }: PexMessage): PexMessage {
  const is = (family: 4 | 6) => (address: Address) => familyOf(address.ip) === family;
  const contacts = (family: 4 | 6) => added.filter(({ address }) => is(family)(address));
  return {
    added: [...contacts(4), ...contacts(6)],
    dropped: [...dropped.filter(is(4)), ...dropped.filter(is(6))],
  };
}

function list(...addresses: readonly Address[]): Uint8Array {
  return concat(addresses.map(encodeCompact));
}

function many(family: 4 | 6, count: number): Uint8Array {
  const ip = (index: number) =>
    family === 4 ? `198.51.${100 + (index >> 8)}.${index & 255}` : `2001:db8::${index + 1}`;
  return list(...Array.from({ length: count }, (_, index) => ({ ip: ip(index), port: 6881 })));
}

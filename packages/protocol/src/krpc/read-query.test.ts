import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { bodyOf, key, other, plain, query, signature, value } from "./testing/datagrams.ts";

test("`want` names families in a list; unknown names are ignored, and a list without a family says nothing (BEP 32)", () => {
  const wanted = (want: string) => {
    const body = bodyOf(query("find_node", `6:target20:${other}4:want${want}`));
    return body.type === "find-node" ? body.want : body;
  };
  deepEqual(wanted("l2:n4e"), { nodes4: true, nodes6: false });
  deepEqual(wanted("l2:n6e"), { nodes4: false, nodes6: true });
  deepEqual(wanted("l2:n62:n4e"), { nodes4: true, nodes6: true });
  deepEqual(wanted("l2:n82:x43:n442:n4i4ele0:e"), { nodes4: true, nodes6: false });
  deepEqual(wanted("2:n4"), { nodes4: true, nodes6: false }); // a string where a list should be
  for (const odd of ["le", "l2:n8e", "i4e", "de", "2:xx"]) equal(wanted(odd), undefined);
});

test("flags are the integer 1 and nothing else (BEP 33)", () => {
  const flags = (value: string) => {
    const body = bodyOf(query("get_peers", `9:info_hash20:${other}6:noseed${value}6:scrape${value}`));
    return body.type === "get-peers" ? [body.noSeed, body.scrape] : body;
  };
  deepEqual(flags("i1e"), [true, true]);
  for (const odd of ["i0e", "i2e", "1:1", "le", "i99999999999999999999e"])
    deepEqual(flags(odd), [false, false]);
});

test("an announce counts its port, unless another than zero stands at implied_port (BEP 5)", () => {
  const ports = (fields: string) => {
    const body = bodyOf(query("announce_peer", `9:info_hash20:${other}${fields}5:token1:x`));
    return body.type === "announce-peer" ? [body.port, body.fallbackPort, body.seed] : body.type;
  };
  deepEqual(ports("4:porti6881e"), [6881, undefined, false]);
  deepEqual(ports("12:implied_porti0e4:porti65535e4:seedi1e"), [65_535, undefined, true]);
  deepEqual(ports("12:implied_porti1e4:porti1e4:seedi2e"), [undefined, 1, false]);
  deepEqual(ports("12:implied_porti-7e"), [undefined, undefined, false]);
  deepEqual(ports("12:implied_porti1e4:porti0e"), [undefined, undefined, false]);
  deepEqual(ports("12:implied_port1:14:porti1e"), [1, undefined, false]); // not an integer: no mark
  for (const none of ["", "4:porti0e", "4:porti65536e", "4:porti-1e", "4:port4:6881"]) {
    equal(ports(none), "malformed");
  }
});

test("a put is read with its item, its value byte for byte (BEP 44)", () => {
  deepEqual(plain(bodyOf(query("put", "5:token1:x1:v12:Hello World!"))), {
    type: "put",
    token: "x",
    item: { type: "immutable", value: "12:Hello World!" },
    cas: undefined,
  });
  const mutable = `1:k32:${"k".repeat(32)}4:salt6:foobar3:seqi4e3:sig64:${"s".repeat(64)}`;
  deepEqual(plain(bodyOf(query("put", `3:casi3e${mutable}5:token0:1:vd1:ali1e0:ee`))), {
    type: "put",
    token: "",
    item: {
      type: "mutable",
      value: "d1:ali1e0:ee",
      publicKey: "k".repeat(32),
      signature: "s".repeat(64),
      sequence: 4,
      salt: "foobar",
    },
    cas: 3,
  });
});

const malformedPuts: readonly (readonly [string, string, 203 | 205 | 207])[] = [
  ["no token", value, 203],
  ["a token past its limit", `5:token129:${"t".repeat(129)}${value}`, 203],
  ["no value", "5:token1:x", 203],
  ["a value of 1,001 bytes", `5:token1:x1:v997:${"v".repeat(997)}`, 205],
  ["a value with unsorted keys", "5:token1:x1:vd1:bi1e1:ai1ee", 203],
  [
    "a value with a key that is not shorter than the next, which it begins with",
    "5:token1:x1:vd2:ab0:1:a0:e",
    203,
  ],
  ["a value with a key twice", "5:token1:x1:vd1:ai1e1:ai1ee", 203],
  ["a value whose inner keys are unsorted", "5:token1:x1:vld1:bi1e1:ai1eee", 203],
  ["a value of 33 levels", `5:token1:x1:v${"l".repeat(33)}${"e".repeat(33)}`, 203],
  ["a salt of 65 bytes", `${key}4:salt65:${"s".repeat(65)}3:seqi1e${signature}5:token1:x${value}`, 207],
  ["a salt that is no string", `${key}4:salti1e3:seqi1e${signature}5:token1:x${value}`, 203],
  ["no signature", `${key}3:seqi1e5:token1:x${value}`, 203],
  ["no key", `3:seqi1e${signature}5:token1:x${value}`, 203],
  ["no sequence number", `${key}${signature}5:token1:x${value}`, 203],
  ["a negative sequence number", `${key}3:seqi-1e${signature}5:token1:x${value}`, 203],
  ["a sequence number past 2^53 - 1", `${key}3:seqi9007199254740992e${signature}5:token1:x${value}`, 203],
  ["a key of 31 bytes", `1:k31:${"k".repeat(31)}3:seqi1e${signature}5:token1:x${value}`, 203],
  ["a signature of 63 bytes", `${key}3:seqi1e3:sig63:${"s".repeat(63)}5:token1:x${value}`, 203],
  ["a cas that is no number", `3:cas1:1${key}3:seqi1e${signature}5:token1:x${value}`, 203],
  ["a negative cas", `3:casi-1e${key}3:seqi1e${signature}5:token1:x${value}`, 203],
];

for (const [what, fields, code] of malformedPuts) {
  test(`a put with ${what} is malformed, error ${code}`, () => {
    deepEqual(bodyOf(query("put", fields)), { type: "malformed", method: "put", code });
  });
}

test("an item at its limits is read: 1,000 bytes, 32 levels, a salt of 64 bytes, the last sequence number", () => {
  const item = (fields: string) => {
    const body = bodyOf(query("put", fields));
    return body.type === "put" ? body.item : body;
  };
  equal(item(`5:token1:x1:v996:${"v".repeat(996)}`).type, "immutable");
  equal(item(`5:token1:x1:v${"l".repeat(32)}${"e".repeat(32)}`).type, "immutable");
  const mutable = item(
    `${key}4:salt64:${"s".repeat(64)}3:seqi9007199254740991e${signature}5:token128:${"t".repeat(128)}${value}`,
  );
  ok(mutable.type === "mutable");
  deepEqual([mutable.salt.length, mutable.sequence], [64, Number.MAX_SAFE_INTEGER]);
});

test("a query of a known method without its key can be told so", () => {
  const methods = ["find_node", "get_peers", "announce_peer", "get", "sample_infohashes"] as const;
  for (const method of methods) {
    for (const fields of ["", "6:target19:short-short-short-x9:info_hashi1e5:token1:x4:porti1e"]) {
      deepEqual(bodyOf(query(method, fields)), { type: "malformed", method, code: 203 });
    }
  }
  const noToken = query("announce_peer", `9:info_hash20:${other}4:porti1e`);
  deepEqual(bodyOf(noToken), { type: "malformed", method: "announce_peer", code: 203 });
});

test("a get and a request for samples are read (BEP 44, 51)", () => {
  const get = (fields: string) => plain(bodyOf(query("get", `${fields}6:target20:${other}`)));
  deepEqual(get(""), { type: "get", target: other, want: undefined, sequence: undefined });
  deepEqual(get("3:seqi7e"), { type: "get", target: other, want: undefined, sequence: 7 });
  for (const odd of ["3:seqi-1e", "3:seq1:7", "3:seqi9007199254740992e"]) {
    deepEqual(get(odd), { type: "get", target: other, want: undefined, sequence: undefined });
  }
  deepEqual(plain(bodyOf(query("sample_infohashes", `6:target20:${other}`))), {
    type: "sample-infohashes",
    target: other,
    want: undefined,
  });
});

test("a method nobody knows keeps its name and what could be its target", () => {
  const unknown = (fields: string) => plain(bodyOf(query("vote", fields)));
  deepEqual(unknown(""), { type: "unknown", method: "vote", target: undefined, want: undefined });
  deepEqual(unknown(`6:target20:${other}4:wantl2:n6e`), {
    type: "unknown",
    method: "vote",
    target: other,
    want: { nodes4: false, nodes6: true },
  });
  deepEqual(unknown(`9:info_hash20:${other}`), {
    type: "unknown",
    method: "vote",
    target: other,
    want: undefined,
  });
  for (const near of ["pinG", "pi", "ping_", "Ping", "find-node"]) {
    equal(bodyOf(query(near, "")).type, "unknown");
  }
});

import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { fromLatin1, latin1, type Prng, utf8 } from "@dure/base";
import { cutEverywhere, fuzzCodec } from "@dure/base/testing";
import {
  decodeKrpc,
  encodeKrpc,
  type KrpcMessage,
  type KrpcReason,
  krpcLimits,
  peersOf,
  type QueryBody,
  type ResponseBody,
} from "./index.ts";

const sender = "abcdefghij0123456789";
const other = "mnopqrstuvwxyz123456";

const examples: readonly (readonly [string, string, unknown])[] = [
  ["ping", "d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe", { type: "ping" }],
  [
    "find_node",
    "d1:ad2:id20:abcdefghij01234567896:target20:mnopqrstuvwxyz123456e1:q9:find_node1:t2:aa1:y1:qe",
    { type: "find-node", target: other, want: undefined },
  ],
  [
    "get_peers",
    "d1:ad2:id20:abcdefghij01234567899:info_hash20:mnopqrstuvwxyz123456e1:q9:get_peers1:t2:aa1:y1:qe",
    { type: "get-peers", infoHash: other, want: undefined, noSeed: false, scrape: false },
  ],
  [
    "announce_peer",
    "d1:ad2:id20:abcdefghij012345678912:implied_porti1e9:info_hash20:mnopqrstuvwxyz1234564:porti6881e5:token8:aoeusnthe1:q13:announce_peer1:t2:aa1:y1:qe",
    {
      type: "announce-peer",
      infoHash: other,
      token: "aoeusnth",
      port: undefined,
      fallbackPort: 6881,
      seed: false,
    },
  ],
];

for (const [name, text, body] of examples) {
  test(`the ${name} query of BEP 5 is read, and written again byte for byte`, () => {
    const message = decoded(text);
    deepEqual(plain(message), {
      kind: "query",
      transaction: "aa",
      version: undefined,
      id: sender,
      readOnly: false,
      body,
    });
    equal(latin1(encodeKrpc(message)), text);
  });
}

test("the answers of BEP 5 are read, and written again byte for byte", () => {
  const pong = "d1:rd2:id20:mnopqrstuvwxyz123456e1:t2:aa1:y1:re";
  const peers = "d1:rd2:id20:abcdefghij01234567895:token8:aoeusnth6:valuesl6:axje.u6:idhtnmee1:t2:aa1:y1:re";
  deepEqual(responseOf(pong), {});
  deepEqual(plain(responseOf(peers)), { token: "aoeusnth", values: "axje.uidhtnm" });
  deepEqual(peersOf(responseOf(peers)), [
    { ip: "97.120.106.101", port: 0x2e75 },
    { ip: "105.100.104.116", port: 0x6e6d },
  ]);
  for (const text of [pong, peers]) equal(latin1(encodeKrpc(decoded(text))), text);
});

test("the error of BEP 5 is read, and written again byte for byte", () => {
  const text = "d1:eli201e23:A Generic Error Ocurrede1:t2:aa1:y1:ee";
  deepEqual(plain(decoded(text)), {
    kind: "error",
    transaction: "aa",
    version: undefined,
    code: 201,
    message: "A Generic Error Ocurred",
    id: undefined,
    seenAs: undefined,
  });
  equal(latin1(encodeKrpc(decoded(text))), text);
});

test("a version, the read-only mark and how the sender sees us are read (BEP 5, 42, 43)", () => {
  const query = decoded(`d1:ad2:id20:${sender}e1:q4:ping2:roi1e1:t4:\0\x01\x02\xff1:v4:LT\x02\x001:y1:qe`);
  ok(query.kind === "query");
  deepEqual(plain([query.readOnly, query.transaction, query.version]), [true, "\0\x01\x02\xff", "LT\x02\0"]);
  const seenAs = (ip: string) => {
    const message = decoded(`d2:ip${ip}1:rd2:id20:${sender}e1:t1:a1:y1:re`);
    return message.kind === "response" ? message.seenAs : undefined;
  };
  deepEqual(seenAs("6:\x01\x02\x03\x04\x1a\xe1"), { ip: "1.2.3.4", port: 6881 });
  deepEqual(seenAs(`18:\x20\x01\x0d\xb8${"\0".repeat(11)}\x01\x1a\xe1`), { ip: "2001:db8::1", port: 6881 });
  for (const odd of [
    "4:\x01\x02\x03\x04",
    "7:1234567",
    "16:0123456789abcdef",
    "19:0123456789abcdefghi",
    "i5e",
  ]) {
    equal(seenAs(odd), undefined);
  }
  for (const odd of ["i0e", "i2e", "1:1", "le"]) {
    const message = decoded(`d1:ad2:id20:${sender}e1:q4:ping2:ro${odd}1:t1:a1:y1:qe`);
    equal(message.kind === "query" && message.readOnly, false);
  }
});

test("a version that is no short string reads as absent", () => {
  for (const version of [`17:${"v".repeat(17)}`, "i1e", "l1:ae"]) {
    equal(decoded(`d1:rd2:id20:${sender}e1:t1:a1:v${version}1:y1:re`).version, undefined);
  }
  equal(decoded(`d1:rd2:id20:${sender}e1:t1:a1:v16:${"v".repeat(16)}1:y1:re`).version?.length, 16);
});

test("keys may come in any order, and unknown ones of any kind are walked over", () => {
  const odd = "2:zzd1:ali1e1:xd0:0:eee3:abci-5e";
  const text = `d1:y1:q1:t2:aa${odd}1:q9:find_node1:ad1:ple6:target20:${other}2:id20:${sender}ee`;
  deepEqual(plain(bodyOf(text)), { type: "find-node", target: other, want: undefined });
});

test("what is read are views of the datagram, but for peers", () => {
  const bytes = fromLatin1(response("5:token2:xx6:valuesl6:axje.ue"));
  const message = decodeKrpc(bytes);
  ok(message.ok && message.value.kind === "response");
  bytes.fill(0);
  deepEqual(plain(message.value.body), { token: "\0\0", values: "axje.u" });
});

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

const key = `1:k32:${"k".repeat(32)}`;
const signature = `3:sig64:${"s".repeat(64)}`;
const value = "1:v1:x";
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

test("nodes come as whole entries of both families, or not at all", () => {
  const nodes = (fields: string) => plain(responseOf(response(fields)));
  deepEqual(nodes("5:nodes0:6:nodes60:"), { nodes: "", nodes6: "" });
  const compact = "n".repeat(52);
  deepEqual(nodes(`5:nodes52:${compact}6:nodes638:${"6".repeat(38)}`), {
    nodes: compact,
    nodes6: "6".repeat(38),
  });
  for (const odd of [
    "5:nodes9:def456...",
    "6:nodes626:abcdefghijklmnopqrstuvwxyz",
    "5:nodesle",
    "5:nodesi0e",
  ]) {
    deepEqual(nodes(odd), {});
  }
});

test("peers come as strings of 6 and 18 bytes, in a mixed list or in one string; port 0 and odd lengths are left out", () => {
  const values = (text: string) => plain(responseOf(response(`6:values${text}`)));
  const six = "p".repeat(18);
  deepEqual(values("le"), { values: "" });
  deepEqual(values("l6:axje.u6:idhtnme"), { values: "axje.uidhtnm" });
  deepEqual(values(`l18:${six}e`), { values6: six });
  deepEqual(values(`l6:axje.u18:${six}6:idhtnme`), { values: "axje.uidhtnm", values6: six });
  deepEqual(values("l12:axje.uidhtnme"), { values: "axje.uidhtnm" });
  deepEqual(values("12:axje.uidhtnm"), { values: "axje.uidhtnm" });
  deepEqual(values("l6:axje\0\x006:axje\0\x016:axje\x01\x007:1234567i6ele0:6:idhtnme"), {
    values: "axje\0\x01axje\x01\0idhtnm",
  });
  deepEqual(values(`l18:${"p".repeat(16)}\0\0e`), { values: "" });
  for (const odd of ["i6e", "de", "l6:axje\0\0e", "5:12345"]) deepEqual(values(odd), { values: "" });
});

test("a token, bloom filters and samples are read, or left out when they cannot be", () => {
  const body = (fields: string) => plain(responseOf(response(fields)));
  deepEqual(body("5:token0:"), { token: "" });
  deepEqual(body(`5:token128:${"t".repeat(128)}`), { token: "t".repeat(128) });
  deepEqual(body(`5:token129:${"t".repeat(129)}`), {});
  deepEqual(body("5:tokeni1e"), {});
  const bloom = "b".repeat(256);
  deepEqual(body(`4:BFpe256:${bloom}4:BFsd256:${bloom}`), { bloomSeeds: bloom, bloomPeers: bloom });
  deepEqual(body(`4:BFsd256:${bloom}4:BFpe255:${bloom.slice(1)}`), { bloomSeeds: bloom });
  deepEqual(body("4:BFpei1e"), {});
  deepEqual(body(`8:intervali21600e3:numi9e7:samples40:${sender}${other}`), {
    interval: 21_600,
    storedCount: 9,
    samples: [sender, other],
  });
  deepEqual(body("7:samples0:"), { samples: [] });
  deepEqual(body("8:intervali21601e3:numi-1e7:samples19:0123456789012345678"), {});
  deepEqual(body("3:numi0e"), { storedCount: 0 });
  deepEqual(body("8:intervali0e"), { interval: 0 });
});

test("an item in an answer is whole or left out, and its salt is for who asked to know (BEP 44)", () => {
  const body = (fields: string) => plain(responseOf(response(fields)));
  deepEqual(body(value), { item: { type: "immutable", value: "1:x" } });
  deepEqual(body("3:seqi5e"), { sequence: 5 });
  const item = {
    type: "mutable",
    value: "1:x",
    publicKey: "k".repeat(32),
    signature: "s".repeat(64),
    sequence: 5,
    salt: "",
  };
  deepEqual(body(`${key}3:seqi5e${signature}${value}`), { sequence: 5, item });
  deepEqual(body(`${key}4:salt3:abc3:seqi5e${signature}${value}`), { sequence: 5, item });
  deepEqual(body(`${key}3:seqi5e${value}`), { sequence: 5 });
  deepEqual(body(`${key}3:seqi-5e${signature}${value}`), {});
  deepEqual(body("1:vd1:b0:1:a0:e"), {});
  deepEqual(body(`1:v997:${"v".repeat(997)}`), {});
});

test("an error is one whatever its list holds: what counts is that the question will get no other answer", () => {
  const error = (e: string) => {
    const message = decoded(`d${e}1:t2:aa1:y1:ee`);
    return message.kind === "error" ? [message.code, message.message] : message.kind;
  };
  deepEqual(error("1:eli203e4:Oopse"), [203, "Oops"]);
  deepEqual(error("1:el4:Oopsi203ee"), [203, "Oops"]);
  deepEqual(error("1:eli203ee"), [203, ""]);
  deepEqual(error("1:el4:Oopse"), [201, "Oops"]);
  deepEqual(error("1:e4:Oops"), [201, "Oops"]);
  deepEqual(error("1:eli99999999999999999999ei-5ee"), [-5, ""]);
  for (const odd of ["", "1:ei203e", "1:ele", "1:ede", "1:elldeee"]) deepEqual(error(odd), [201, ""]);
});

test("an error's text is cut to a hundred printable characters", () => {
  const text = (bytes: Uint8Array) => {
    const message = decoded(`d1:eli1e${bytes.length}:${latin1(bytes)}e1:t2:aa1:y1:ee`);
    return message.kind === "error" ? message.message : "";
  };
  equal(text(utf8("토큰이 틀렸습니다")), "토큰이 틀렸습니다");
  equal(text(utf8("a\x1b[31m\n\u202eb\0")), "a\ufffd[31m\ufffd\ufffdb\ufffd");
  equal(text(fromLatin1("\xff\xfe")), "\ufffd\ufffd");
  equal(text(utf8("e".repeat(101))), "e".repeat(100));
  equal(text(utf8("\u{1f600}".repeat(500))), "\u{1f600}".repeat(100));
});

test("an error may say who sent it, in either body", () => {
  const id = (fields: string) => {
    const message = decoded(`d${fields}1:t2:aa1:y1:ee`);
    return message.kind === "error" ? plain(message.id) : message.kind;
  };
  equal(id(`1:eli1e0:e1:rd2:id20:${sender}e`), sender);
  equal(id(`1:ad2:id20:${sender}e1:eli1e0:e`), sender);
  for (const odd of ["1:rd2:id1:xe", "1:rle", "1:rde"]) equal(id(odd), undefined);
});

const refusals: readonly (readonly [string, KrpcReason])[] = [
  ["", "truncated"],
  ["le", "not-a-dictionary"],
  ["i1e", "not-a-dictionary"],
  ["GET / HTTP/1.1", "not-a-dictionary"],
  ["d", "truncated"],
  ["d1:t2:aa1:y1:q", "truncated"],
  ["d1:t", "truncated"],
  ["d1:ti1", "truncated"],
  ["d1:tl", "truncated"],
  ["d1:td", "truncated"],
  ["d1:t9:aae", "truncated"],
  ["di1ei1ee", "bad-bencode"],
  ["d1:txe", "bad-bencode"],
  ["d1:te", "bad-bencode"],
  ["d1:tldi1ei1eeee", "bad-bencode"],
  ["d1:ti01ee", "bad-bencode"],
  ["d1:ti-0ee", "bad-bencode"],
  ["d1:tiee", "bad-bencode"],
  ["d1:ti-ee", "bad-bencode"],
  ["d1:ti1.5ee", "bad-bencode"],
  ["d1:t02:aae", "bad-bencode"],
  ["d1:t1234567:ae", "bad-bencode"],
  ["d1:t2x:aae", "bad-bencode"],
  [`d1:t${"l".repeat(41)}${"e".repeat(41)}e`, "too-deep"],
  ["d1:t2:aa1:t2:aae", "duplicate-key"],
  [`d1:ad2:id20:${sender}2:id20:${sender}e1:q4:ping1:t1:a1:y1:qe`, "duplicate-key"],
  [`d1:rd2:id20:${sender}2:id20:${sender}e1:t1:a1:y1:re`, "duplicate-key"],
  ["dei1e", "trailing-bytes"],
  ["de", "bad-transaction"],
  ["d1:t0:1:y1:qe", "bad-transaction"],
  [`d1:t21:${"t".repeat(21)}1:y1:qe`, "bad-transaction"],
  ["d1:ti1e1:y1:qe", "bad-transaction"],
  ["d1:t1:ae", "bad-kind"],
  ["d1:t1:a1:y0:e", "bad-kind"],
  ["d1:t1:a1:y1:xe", "bad-kind"],
  ["d1:t1:a1:y2:qqe", "bad-kind"],
  ["d1:t1:a1:yi1ee", "bad-kind"],
  ["d1:ade1:t1:a1:y1:qe", "bad-method"],
  ["d1:ade1:q0:1:t1:a1:y1:qe", "bad-method"],
  [`d1:ade1:q33:${"m".repeat(33)}1:t1:a1:y1:qe`, "bad-method"],
  ["d1:q4:ping1:t1:a1:y1:qe", "no-body"],
  ["d1:ale1:q4:ping1:t1:a1:y1:qe", "no-body"],
  ["d1:t1:a1:y1:re", "no-body"],
  ["d1:ri1e1:t1:a1:y1:re", "no-body"],
  ["d1:ade1:q4:ping1:t1:a1:y1:qe", "bad-id"],
  ["d1:ad2:id19:0123456789012345678e1:q4:ping1:t1:a1:y1:qe", "bad-id"],
  ["d1:rde1:t1:a1:y1:re", "bad-id"],
  ["d1:rd2:idi1ee1:t1:a1:y1:re", "bad-id"],
];

for (const [text, reason] of refusals) {
  test(`${JSON.stringify(text.slice(0, 60))} is refused: ${reason}`, () => {
    deepEqual(decodeKrpc(fromLatin1(text)), { ok: false, reason });
  });
}

test("a datagram of 4,096 bytes is read and one byte more is not", () => {
  const padded = (bytes: number) => {
    const head = `d1:rd2:id20:${sender}e1:t1:a1:y1:r2:zz`;
    const length = bytes - head.length - "0000:e".length;
    return fromLatin1(`${head}${length}:${"z".repeat(length)}e`);
  };
  equal(padded(krpcLimits.datagramBytesMax).length, 4096);
  equal(decodeKrpc(padded(4096)).ok, true);
  deepEqual(decodeKrpc(padded(4097)), { ok: false, reason: "too-long" });
});

const samples = [
  ...examples.map(([, text]) => text),
  `d1:rd2:id20:${sender}5:nodes26:${"n".repeat(26)}6:nodes638:${"6".repeat(38)}5:token4:abcde1:t2:aa1:v4:DU011:y1:re`,
  response(`5:token8:aoeusnth6:valuesl6:axje.u18:${"p".repeat(18)}6:idhtnme`),
  "d1:eli203e13:Invalid tokene2:ip6:axje.u1:t2:aa1:y1:ee",
  query("get_peers", `9:info_hash20:${other}6:noseedi1e6:scrapei1e4:wantl2:n42:n6e`),
  query("put", `3:casi3e${key}4:salt6:foobar3:seqi4e${signature}5:token4:abcd1:vd1:ali1e0:e1:b3:xyze`),
  query("get", `3:seqi4e6:target20:${other}`),
  query("sample_infohashes", `6:target20:${other}`),
  query("vote", `6:target20:${other}`),
  response(`${key}3:seqi4e${signature}5:token4:abcd1:v12:Hello World!`),
  response(`8:intervali300e3:numi2e7:samples40:${sender}${other}`),
  response(`4:BFpe256:${"p".repeat(256)}4:BFsd256:${"s".repeat(256)}`),
].map(fromLatin1);

test("a message cut at any byte is truncated", () => {
  for (const sample of samples) {
    ok(decodeKrpc(sample).ok, latin1(sample));
    for (const answer of cutEverywhere(sample, decodeKrpc)) {
      deepEqual(answer, { ok: false, reason: "truncated" });
    }
  }
});

test("ten thousand hostile datagrams: no throw, no hang, nothing kept; what is accepted survives a round trip", () => {
  const kinds = new Set<string>();
  const tally = fuzzCodec({
    name: "krpc",
    seed: 5,
    samples,
    decode: decodeKrpc,
    grammar: randomDatagram,
    check: (answer) => {
      if (!answer.ok) return;
      const message = answer.value;
      kinds.add(message.kind === "query" ? message.body.type : message.kind);
      if (message.kind === "query" && message.body.type === "malformed") return;
      const again = decodeKrpc(encodeKrpc(message));
      ok(again.ok);
      deepEqual(plain(again.value), plain(message));
    },
  });
  ok(tally.accepted > 1000, `${tally.accepted} accepted`);
  for (const reason of new Set(refusals.map(([, name]) => name))) ok(tally.reasons.has(reason), reason);
  deepEqual([...kinds].sort(), [
    "announce-peer",
    "error",
    "find-node",
    "get",
    "get-peers",
    "malformed",
    "ping",
    "put",
    "response",
    "sample-infohashes",
    "unknown",
  ]);
});

function query(method: string, fields: string): string {
  return `d1:ad2:id20:${sender}${fields}e1:q${method.length}:${method}1:t2:aa1:y1:qe`;
}

function response(fields: string): string {
  return `d1:rd2:id20:${sender}${fields}e1:t2:aa1:y1:re`;
}

function decoded(text: string): KrpcMessage {
  const result = decodeKrpc(fromLatin1(text));
  ok(result.ok, `${text}: ${result.ok ? "" : result.reason}`);
  return result.value;
}

function bodyOf(text: string): QueryBody {
  const message = decoded(text);
  ok(message.kind === "query");
  return message.body;
}

function responseOf(text: string): ResponseBody {
  const message = decoded(text);
  ok(message.kind === "response");
  return message.body;
}

// Bytes as latin1 text, for comparing by eye.
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return latin1(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, plain(item)]));
}

// The right fields with careless values in a careless order.
function randomDatagram(prng: Prng): Uint8Array {
  const values = [
    "i1e",
    "i0e",
    "i-1e",
    "0:",
    `20:${other}`,
    "le",
    "de",
    "l2:n4e",
    "l6:axje.ue",
    "4:ping",
    "1:q",
  ];
  const field = (names: readonly string[]) => {
    const name = prng.pick(names) ?? "";
    return `${name.length}:${name}${prng.pick(values)}`;
  };
  const names = ["target", "info_hash", "token", "port", "seq", "k", "sig", "v", "want", "values", "nodes"];
  const fields = Array.from({ length: prng.below(6) }, () => field(names)).join("");
  const id = prng.chance(0.8) ? `2:id20:${sender}` : "";
  const methods = ["ping", "find_node", "get_peers", "announce_peer", "get", "put", "x"];
  const method = prng.pick(methods) ?? "";
  const kind = prng.pick(["q", "r", "e", "x"]) ?? "";
  const parts = [
    `1:${kind === "q" ? "a" : kind}d${id}${fields}e`,
    `1:q${method.length}:${method}`,
    prng.pick(["1:t2:aa", "1:t2:aa", "1:t2:aa", "1:ti1e", ""]) ?? "",
    `1:y1:${kind}`,
    prng.chance(0.3) ? field(["ip", "ro", "v", "e", "t"]) : "",
  ];
  const deep = prng.chance(0.05) ? `2:zz${"l".repeat(45)}${"e".repeat(45)}` : "";
  const long = prng.chance(0.02) ? `2:zy4096:${"z".repeat(4096)}` : "";
  return fromLatin1(`d${prng.shuffle(parts).join("")}${deep}${long}e`);
}

import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { fromLatin1, latin1, type Prng, utf8 } from "@dure/base";
import { cutEverywhere, fuzzCodec } from "@dure/base/testing";
import { decodeKrpc, encodeKrpc, type KrpcReason, krpcLimits, peersOf } from "./index.ts";
import {
  bodyOf,
  decoded,
  key,
  other,
  plain,
  query,
  response,
  responseOf,
  sender,
  signature,
} from "./testing/datagrams.ts";

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

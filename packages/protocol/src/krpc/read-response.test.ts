import { deepEqual, ok } from "node:assert/strict";
import { test } from "node:test";
import { fromLatin1 } from "@dure/base";
import { decodeKrpc } from "./index.ts";
import { key, other, plain, response, responseOf, sender, signature, value } from "./testing/datagrams.ts";

test("what is read are views of the datagram, but for peers", () => {
  const bytes = fromLatin1(response("5:token2:xx6:valuesl6:axje.ue"));
  const message = decodeKrpc(bytes);
  ok(message.ok && message.value.kind === "response");
  bytes.fill(0);
  deepEqual(plain(message.value.body), { token: "\0\0", values: "axje.u" });
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

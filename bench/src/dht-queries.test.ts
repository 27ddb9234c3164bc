import { equal, ok } from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { idBeside, replyTo } from "./dht-crowd.ts";
import { isAnswer, type QueryKind, QueryTemplate, transactionOf } from "./dht-queries.ts";

const kinds: readonly QueryKind[] = ["ping", "find_node", "get_peers"];
const id = Buffer.from("abcdefghij0123456789");
const others = Array.from({ length: 20 }, () => ({
  shared: 0,
  id: randomBytes(20),
  ip: "127.64.0.1",
  port: 6881,
}));

test("a template is the query of BEP 5, each time with another target and the transaction it is given", () => {
  const ping = new QueryTemplate("ping", id);
  const text = ping.with(0x61626364).toString("latin1");
  equal(text, "d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t4:abcd1:y1:qe");
  for (const kind of ["find_node", "get_peers"] as const) {
    const template = new QueryTemplate(kind, id);
    const one = Buffer.from(template.with(1));
    const other = Buffer.from(template.with(2));
    const name = kind === "find_node" ? "6:target" : "9:info_hash";
    const at = one.indexOf(`${name}20:`) + name.length + 3;
    ok(!one.subarray(at, at + 20).equals(other.subarray(at, at + 20)));
    ok(one.includes(`e1:q9:${kind}1:t4:\0\0\0\x011:y1:qe`));
    equal(transactionOf(one), 1);
  }
});

test("the crowd answers every query in a way that counts as an answer", () => {
  for (const kind of kinds) {
    const query = new QueryTemplate(kind, id).with(77);
    const reply = replyTo(query, id, others);
    ok(reply !== undefined);
    equal(transactionOf(reply), 77);
    ok(isAnswer(kind, reply));
    equal(replyTo(reply, id, others), undefined);
  }
});

test("an error, an answer without nodes and one cut short are not counted", () => {
  const good = replyTo(new QueryTemplate("get_peers", id).with(5), id, others);
  ok(good !== undefined);
  const error = Buffer.from("d1:eli203e3:bade1:t4:\0\0\0\x051:y1:ee");
  const empty = replyTo(new QueryTemplate("get_peers", id).with(5), id, []);
  ok(empty !== undefined);
  for (const kind of kinds) {
    ok(!isAnswer(kind, error));
    ok(!isAnswer(kind, good.subarray(0, good.length - 1)));
  }
  ok(!isAnswer("find_node", empty));
  ok(!isAnswer("get_peers", empty));
  ok(isAnswer("ping", empty));
});

test("an id beside another shares exactly so many bits with it", () => {
  for (let shared = 0; shared < 40; shared += 1) equal(sharedBits(id, idBeside(id, shared)), shared);
});

function sharedBits(a: Buffer, b: Buffer): number {
  const bits = (bytes: Buffer): string =>
    [...bytes].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  const [left, right] = [bits(a), bits(b)];
  let count = 0;
  while (left[count] === right[count]) count += 1;
  return count;
}

import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { type Address, concat, ms, must, Prng } from "@dure/base";
import { UtpEndpoint, type UtpEndpointOptions } from "./endpoint.ts";
import { utpLimits } from "./limits.ts";
import type { UtpOutput } from "./messages.ts";
import {
  decodeUtpPacket,
  encodeUtpPacket,
  stampUtpPacket,
  type UtpPacket,
  utpData,
  utpFin,
  utpReset,
  utpState,
  utpSyn,
  writeUtpHeader,
} from "./packet.ts";

const stranger: Address = { ip: "198.51.100.7", port: 7000 };
const names = ["DATA", "FIN", "STATE", "RESET", "SYN"];

function endpoint(options: Partial<UtpEndpointOptions> = {}): UtpEndpoint {
  return new UtpEndpoint({ secret: new Prng(1).bytes(16), ...options });
}

function drain(of: UtpEndpoint): UtpOutput[] {
  const outputs: UtpOutput[] = [];
  for (let output = of.poll(); output !== undefined; output = of.poll()) outputs.push(output);
  return outputs;
}

function packets(outputs: readonly UtpOutput[]): UtpPacket[] {
  return outputs.flatMap((output) => {
    if (output.type !== "send") return [];
    const read = decodeUtpPacket(output.bytes);
    ok(read.ok, "what we send can be read");
    return [read.value];
  });
}

/** Readable lines of what was said: numbers relative to those drawn at the start. */
function said(outputs: readonly UtpOutput[]): string[] {
  return outputs.map((output) => {
    if (output.type !== "send") {
      const more =
        output.type === "data"
          ? ` ${output.bytes.length}`
          : output.type === "closed"
            ? ` ${output.reason}`
            : "";
      return output.type + more;
    }
    const packet = must(packets([output])[0], "a packet");
    return names[packet.type] ?? "?";
  });
}

interface Said {
  readonly type: number;
  readonly id: number;
  readonly seq: number;
  readonly ack: number;
  readonly window?: number;
  readonly payload?: Uint8Array;
  readonly mask?: Uint8Array;
}

function packet({ type, id, seq, ack, window, payload, mask }: Said): Uint8Array {
  const stamp = { timestamp: 5, difference: 1, window: window ?? 1 << 20, ack };
  const header = { type, connectionId: id, seq: seq & 0xffff };
  if (payload === undefined) return encodeUtpPacket(header, stamp, mask);
  const bytes = concat([new Uint8Array(20), payload]);
  writeUtpHeader(bytes, header);
  stampUtpPacket(bytes, stamp);
  return bytes;
}

/** An endpoint that has connected to the stranger, whose first packet of data will be 1,000. */
function connected(options: Partial<UtpEndpointOptions> = {}) {
  const own = endpoint(options);
  own.handle(ms(0), { type: "connect", connection: 2, remote: stranger });
  const syn = must(packets(drain(own))[0], "a SYN");
  const hear = (now: number, what: Omit<Said, "id">) => {
    own.handle(ms(now), {
      type: "datagram",
      from: stranger,
      bytes: packet({ id: syn.connectionId, ...what }),
    });
    return drain(own);
  };
  const opened = hear(50, { type: utpState, seq: 1000, ack: syn.seq });
  return { own, syn, hear, opened };
}

test("a SYN is asked six times, then the other side is not there", () => {
  const own = endpoint();
  own.handle(ms(0), { type: "connect", connection: 2, remote: stranger });
  const at: string[] = [];
  for (let now = ms(0); ; now = must(own.deadline(), "something is awaited")) {
    own.handle(now, { type: "wake" });
    for (const line of said(drain(own))) at.push(`${now / 1000} ${line}`);
    if (own.connectionsCount === 0) break;
  }
  deepEqual(at, ["0 SYN", "1 SYN", "3 SYN", "7 SYN", "11 SYN", "15 SYN", "19 closed timeout"]);
});

test("who connects sends the third packet at once, data where there is some, and with the id plus one (BEP 29)", () => {
  const { own, syn, opened } = connected();
  deepEqual(said(opened), ["opened", "STATE"]);
  const third = must(packets(opened)[0], "a packet");
  deepEqual([third.connectionId, third.ack], [(syn.connectionId + 1) & 0xffff, 999]);
  own.handle(ms(60), { type: "write", connection: 2, bytes: new Uint8Array(10), more: false });
  const data = must(packets(drain(own))[0], "a packet");
  deepEqual([data.type, data.seq], [utpData, (syn.seq + 1) & 0xffff]);
});

test("an answer to another SYN opens nothing", () => {
  const own = endpoint();
  own.handle(ms(0), { type: "connect", connection: 2, remote: stranger });
  const syn = must(packets(drain(own))[0], "a SYN");
  for (const ack of [syn.seq + 1, syn.seq - 1, 0]) {
    const bytes = packet({ type: utpState, id: syn.connectionId, seq: 9, ack: ack & 0xffff });
    own.handle(ms(1), { type: "datagram", from: stranger, bytes });
    deepEqual(said(drain(own)), []);
  }
});

test("a stranger who connects is believed when he names the number he was given", () => {
  const own = endpoint();
  own.handle(ms(0), {
    type: "datagram",
    from: stranger,
    bytes: packet({ type: utpSyn, id: 77, seq: 1, ack: 0 }),
  });
  const answer = must(packets(drain(own))[0], "an answer");
  deepEqual([answer.type, answer.connectionId, answer.ack], [utpState, 77, 1]);
  const hello = (ack: number) =>
    packet({ type: utpData, id: 78, seq: 2, ack: ack & 0xffff, payload: new Uint8Array(68) });
  own.handle(ms(1), { type: "datagram", from: stranger, bytes: hello(answer.seq + 5) });
  deepEqual([said(drain(own)), own.connectionsCount], [["RESET"], 0]);
  own.handle(ms(2), { type: "datagram", from: stranger, bytes: hello(answer.seq - 1) });
  deepEqual([said(drain(own)), own.connectionsCount], [["incoming", "data 68"], 1]);
});

test("BEP 29's own numbering of the answer is understood too", () => {
  const own = endpoint();
  own.handle(ms(0), {
    type: "datagram",
    from: stranger,
    bytes: packet({ type: utpSyn, id: 77, seq: 1, ack: 0 }),
  });
  const answer = must(packets(drain(own))[0], "an answer");
  const bytes = packet({ type: utpData, id: 78, seq: 2, ack: answer.seq, payload: new Uint8Array(1) });
  own.handle(ms(1), { type: "datagram", from: stranger, bytes });
  drain(own);
  own.handle(ms(2), { type: "write", connection: 1, bytes: new Uint8Array(5), more: false });
  equal(packets(drain(own))[0]?.seq, (answer.seq + 1) & 0xffff);
});

test("a forged SYN gets no more bytes than it had, whatever time passes, and no connection", () => {
  const own = endpoint();
  let heard = 0;
  let answered = 0;
  for (let port = 1; port <= 5000; port += 1) {
    const bytes = packet({ type: utpSyn, id: port & 0xffff, seq: port, ack: 0 });
    heard += bytes.length;
    own.handle(ms(port), { type: "datagram", from: { ip: "203.0.113.9", port }, bytes });
    for (const output of drain(own)) answered += output.type === "send" ? output.bytes.length : 1e9;
  }
  ok(answered <= heard);
  deepEqual([own.connectionsCount, own.halfOpenCount], [0, utpLimits.halfOpenMax]);
  equal(own.deadline(), undefined, "nothing is sent to them by the clock");
});

test("packets of no connection are answered with one RESET in ten seconds, and a RESET with nothing", () => {
  const own = endpoint();
  const answers = (now: number, type: number, id: number) => {
    const bytes = packet({
      type,
      id,
      seq: 9,
      ack: 9,
      ...(type === utpData && { payload: new Uint8Array(1) }),
    });
    own.handle(ms(now), { type: "datagram", from: stranger, bytes });
    return said(drain(own));
  };
  deepEqual(answers(0, utpData, 5), ["RESET"]);
  deepEqual(answers(9999, utpFin, 5), []);
  deepEqual(answers(10_001, utpState, 5), ["RESET"]);
  deepEqual(answers(10_002, utpReset, 6), []);
  let resets = 0;
  for (let id = 100; id < 3000; id += 1) resets += answers(10_100, utpData, id).length;
  equal(resets, utpLimits.resetsMax - 1);
});

test("acknowledgements of what was never sent are not heard, nor is anything beside them", () => {
  const { own, syn, hear } = connected();
  own.handle(ms(60), { type: "write", connection: 2, bytes: new Uint8Array(200_000), more: false });
  const sent = packets(drain(own)).length;
  const before = own.figures(2);
  for (const ahead of [1, 2, 100, 4000]) {
    const ack = (syn.seq + sent + ahead) & 0xffff;
    deepEqual(said(hear(100, { type: utpState, seq: 1000, ack })), []);
    const payload = new Uint8Array(9);
    deepEqual(said(hear(101, { type: utpData, seq: 1000, ack, payload })), []);
  }
  deepEqual(own.figures(2), before, "the window does not grow from lies");
});

test("a selective acknowledgement speaks only for packets that were sent", () => {
  const { own, syn, hear } = connected();
  own.handle(ms(60), { type: "write", connection: 2, bytes: new Uint8Array(2000), more: false });
  const sent = packets(drain(own)).length;
  hear(70, { type: utpState, seq: 1000, ack: syn.seq, mask: new Uint8Array(252).fill(0xff) });
  const after = must(own.figures(2), "still there");
  ok(after.windowBytes <= 4380 * 2, `${after.windowBytes}`);
  ok(sent < 8 && after.flightBytes <= 2000);
});

test("three packets past a missing one have it sent again at once", () => {
  const { own, syn, hear } = connected();
  own.handle(ms(60), { type: "write", connection: 2, bytes: new Uint8Array(20_000), more: false });
  ok(packets(drain(own)).length >= 5);
  const first = (syn.seq + 1) & 0xffff;
  const again = (now: number, mask: number) =>
    packets(
      hear(now, { type: utpState, seq: 1000, ack: syn.seq, mask: Uint8Array.of(mask, 0, 0, 0) }),
    ).filter(({ seq }) => seq === first).length;
  equal(again(110, 0b001), 0);
  equal(again(111, 0b011), 0);
  equal(again(112, 0b111), 1);
  equal(again(113, 0b111), 0);
});

test("wild sequence numbers and endless early packets keep no more than the window", () => {
  const { own, syn, hear } = connected({ receiveBytesMax: 64 * 1024 });
  const prng = new Prng(3);
  for (let round = 0; round < 5000; round += 1) {
    const seq = prng.chance(0.5) ? prng.below(0x1_0000) : 1001 + prng.below(200);
    if (seq === 1000) continue;
    for (const output of hear(60 + round, {
      type: utpData,
      seq,
      ack: syn.seq,
      payload: new Uint8Array(1400),
    })) {
      ok(output.type === "send", "nothing is delivered before its turn");
      ok(output.bytes.length <= 20 + 2 + utpLimits.selectiveAckBytesMax);
    }
  }
  ok(own.reorderBytes <= 64 * 1024);
});

test("all connections together keep no more early packets than the endpoint allows", () => {
  const own = endpoint({ reorderBytesMax: 10_000 });
  for (let port = 1; port <= 20; port += 1) {
    const from = { ip: "203.0.113.9", port };
    own.handle(ms(0), { type: "datagram", from, bytes: packet({ type: utpSyn, id: 7, seq: 1, ack: 0 }) });
    const ack = ((packets(drain(own))[0]?.seq ?? 0) - 1) & 0xffff;
    for (let seq = 3; seq < 9; seq += 1) {
      const bytes = packet({ type: utpData, id: 8, seq, ack, payload: new Uint8Array(1000) });
      own.handle(ms(1), { type: "datagram", from, bytes });
      drain(own);
    }
  }
  deepEqual([own.connectionsCount, own.reorderBytes], [20, 10_000]);
});

test("a huge window does not make us send more than the path is known to bear", () => {
  const { own, hear, syn } = connected();
  hear(60, { type: utpState, seq: 1000, ack: syn.seq, window: 0xffff_ffff });
  own.handle(ms(61), { type: "write", connection: 2, bytes: new Uint8Array(1e6), more: false });
  const sent = drain(own).reduce(
    (sum, output) => sum + (output.type === "send" ? output.bytes.length : 0),
    0,
  );
  ok(sent <= 4380 + 1472, `${sent} bytes`); // one packet may be padded
});

test("a RESET ends a connection when it names a packet of ours, and not when it guesses", () => {
  const { hear, syn } = connected();
  deepEqual(said(hear(60, { type: utpReset, seq: 5, ack: (syn.seq + 20_000) & 0xffff })), []);
  deepEqual(said(hear(61, { type: utpReset, seq: 5, ack: syn.seq })), ["closed reset"]);
});

test("a RESET for the SYN is a refusal", () => {
  const own = endpoint();
  own.handle(ms(0), { type: "connect", connection: 2, remote: stranger });
  const syn = must(packets(drain(own))[0], "a SYN");
  const bytes = packet({ type: utpReset, id: syn.connectionId, seq: 5, ack: syn.seq });
  own.handle(ms(1), { type: "datagram", from: stranger, bytes });
  deepEqual([said(drain(own)), own.connectionsCount], [["closed refused"], 0]);
});

test("FIN before its turn waits for what is missing", () => {
  const { hear, syn } = connected();
  deepEqual(said(hear(60, { type: utpFin, seq: 1001, ack: syn.seq })), ["STATE"]);
  const payload = new Uint8Array(7);
  deepEqual(said(hear(61, { type: utpData, seq: 1000, ack: syn.seq, payload })).slice(0, 2), [
    "data 7",
    "closed end",
  ]);
});

test("who no longer answers is asked for a while, then given up", () => {
  const { own } = connected();
  own.handle(ms(60), { type: "write", connection: 2, bytes: new Uint8Array(10), more: false });
  drain(own);
  let sends = 0;
  let ended = "";
  let now = ms(0);
  while (own.connectionsCount > 0) {
    now = must(own.deadline(), "something is awaited");
    own.handle(now, { type: "wake" });
    for (const line of said(drain(own))) {
      if (line === "DATA") sends += 1;
      else ended += line;
    }
  }
  deepEqual([ended, sends], ["closed timeout", 9]);
  ok(now > 20_000 && now < 60_000, `${now} ms`);
});

test("a silent connection is kept alive every 29 seconds", () => {
  const { own } = connected();
  const at: number[] = [];
  while (at.length < 3) {
    const now = must(own.deadline(), "something is awaited");
    own.handle(now, { type: "wake" });
    if (said(drain(own)).includes("STATE")) at.push(now);
  }
  deepEqual(at, [29_050, 58_050, 87_050]);
});

test("any packet from anybody at any time does no harm", () => {
  const prng = new Prng(11);
  const { own, syn } = connected();
  own.handle(ms(60), { type: "write", connection: 2, bytes: new Uint8Array(50_000), more: false });
  drain(own);
  for (let round = 0; round < 10_000; round += 1) {
    const type = prng.below(5);
    const near = (value: number) => (value + prng.below(12) - 6) & 0xffff;
    const bytes = packet({
      type,
      id: prng.chance(0.9) ? syn.connectionId : near(syn.connectionId),
      seq: prng.chance(0.8) ? near(1000) : prng.below(0x1_0000),
      ack: prng.chance(0.8) ? near(syn.seq) : prng.below(0x1_0000),
      window: prng.chance(0.2) ? 0 : prng.uint32(),
      ...(type === utpData ? { payload: prng.bytes(1 + prng.below(1400)) } : {}),
      ...(type === utpState && prng.chance(0.5) ? { mask: prng.bytes(4 * (1 + prng.below(8))) } : {}),
    });
    const now = ms(100 + round * 3);
    own.handle(now, { type: "datagram", from: stranger, bytes });
    own.handle(now, { type: "wake" });
    for (const output of drain(own)) {
      if (output.type === "data") {
        own.handle(now, { type: "consumed", connection: output.connection, bytes: output.bytes.length });
      }
    }
  }
  ok(own.connectionsCount <= 30 && own.reorderBytes <= 32 * 1024 * 1024);
});

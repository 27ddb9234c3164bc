import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { fromLatin1, type InfoHash, infoHash, type Ms, minutes, ms, must, Prng, seconds } from "@dure/base";
import { decodeLsd, encodeLsd } from "@dure/protocol";
import fc from "fast-check";
import { lsdIntake } from "./limits.ts";
import { Lsd } from "./lsd.ts";
import type { LsdOutput } from "./messages.ts";

const hashOf = (index: number): InfoHash =>
  must(infoHash(index.toString(16).padStart(40, "0")), "forty digits are a hash");

const near = { ip: "192.168.1.7", port: 6771 };

class Talk {
  now: Ms = ms(0);
  readonly lsd: Lsd;
  readonly outputs: LsdOutput[] = [];
  readonly lines: string[] = [];

  constructor(seed = 1) {
    this.lsd = new Lsd(new Prng(seed));
  }

  join(...indexes: readonly number[]): this {
    for (const index of indexes)
      this.lsd.handle(this.now, { type: "join", infoHash: hashOf(index), port: 6881 });
    this.#drain();
    return this;
  }

  leave(...indexes: readonly number[]): this {
    for (const index of indexes) this.lsd.handle(this.now, { type: "leave", infoHash: hashOf(index) });
    this.#drain();
    return this;
  }

  hear(bytes: Uint8Array, from = near, neighbour = false): this {
    this.lsd.handle(this.now, { type: "datagram", from, neighbour, bytes });
    this.#drain();
    return this;
  }

  changed(): this {
    this.lsd.handle(this.now, { type: "network-changed" });
    this.#drain();
    return this;
  }

  later(duration: Ms): this {
    const until = this.now + duration;
    for (;;) {
      const due = this.lsd.deadline();
      if (due === undefined || due > until) break;
      ok(due >= this.now, "no deadline lies in the past");
      this.now = due;
      this.lsd.handle(this.now, { type: "wake" });
      this.#drain();
    }
    this.now = ms(until);
    return this;
  }

  taken(): string[] {
    return this.lines.splice(0);
  }

  #drain(): void {
    for (let output = this.lsd.poll(); output !== undefined; output = this.lsd.poll()) {
      this.outputs.push(output);
      this.lines.push(`${this.now / 1000} s: ${textOf(output)}`);
    }
  }
}

function textOf(output: LsdOutput): string {
  if (output.type === "listen") return output.on ? "listen" : "leave the groups";
  if (output.type === "peer")
    return `peer of ${Number.parseInt(output.infoHash, 16)} at ${output.address.ip}:${output.address.port}`;
  const announce = decodeLsd(output.bytes);
  if (!announce.ok) throw new Error(announce.reason);
  const topics = announce.value.infoHashes.map((hash) => Number.parseInt(hash, 16)).join(" ");
  return `IPv${output.family}: ${topics} at port ${announce.value.port}`;
}

test("a torrent is told a second after it joins, a minute later, and every five minutes from then, over both families", () => {
  const talk = new Talk().join(7).later(minutes(11));
  deepEqual(talk.taken(), [
    "0 s: listen",
    "1 s: IPv4: 7 at port 6881",
    "1 s: IPv6: 7 at port 6881",
    "61 s: IPv4: 7 at port 6881",
    "61 s: IPv6: 7 at port 6881",
    "361 s: IPv4: 7 at port 6881",
    "361 s: IPv6: 7 at port 6881",
  ]);
});

test("what joins later is told a minute after the last announce at the soonest; what has left is not told", () => {
  const talk = new Talk().join(1).later(seconds(10)).join(2, 3).later(seconds(40)).leave(3).later(minutes(6));
  deepEqual(
    talk.taken().filter((line) => !line.includes("IPv6")),
    [
      "0 s: listen",
      "1 s: IPv4: 1 at port 6881",
      "61 s: IPv4: 2 1 at port 6881",
      "121 s: IPv4: 2 at port 6881",
      "361 s: IPv4: 1 at port 6881",
    ],
  );
});

test("without torrents the groups are left and nothing is said or heard; joined twice is joined once", () => {
  const talk = new Talk().join(1).join(1).leave(1, 1);
  deepEqual(talk.taken(), ["0 s: listen", "0 s: leave the groups"]);
  equal(talk.lsd.deadline(), undefined);
  deepEqual(talk.hear(announceOf(1)).changed().later(minutes(20)).taken(), []);
  deepEqual(talk.join(2).taken(), ["1200 s: listen"]);
});

test("many torrents share datagrams, at most eight a family and minute, and every one has its turn", () => {
  const talk = new Talk().join(...Array.from({ length: 1000 }, (_, index) => index));
  talk.later(minutes(9));
  const told = new Map<string, number>();
  const times = new Map<string, number>();
  for (const [index, output] of talk.outputs.entries()) {
    if (output.type !== "send" || output.family !== 4) continue;
    ok(output.bytes.length <= 1400);
    const announce = decodeLsd(output.bytes);
    if (!announce.ok) throw new Error(announce.reason);
    const at = must(talk.lines[index], "a line an output").split(" ")[0] ?? "";
    times.set(at, (times.get(at) ?? 0) + 1);
    for (const hash of announce.value.infoHashes) told.set(hash, (told.get(hash) ?? 0) + 1);
  }
  equal(told.size, 1000);
  ok(Math.max(...told.values()) <= 2 && [...times.values()].every((count) => count <= 8));
});

test("after the network changed everything is told again, as soon as a minute has passed", () => {
  const talk = new Talk().join(1, 2).later(seconds(30));
  talk.taken();
  talk.changed().later(seconds(60));
  deepEqual(talk.taken(), ["61 s: IPv4: 1 2 at port 6881", "61 s: IPv6: 1 2 at port 6881"]);
  talk.later(minutes(10));
  talk.taken();
  talk.changed().later(seconds(5));
  deepEqual(talk.taken(), ["691 s: IPv4: 1 2 at port 6881", "691 s: IPv6: 1 2 at port 6881"]);
});

test("a neighbour's announce names a peer of each torrent that is ours, at its address and the port it tells", () => {
  const talk = new Talk().join(1, 2);
  talk.taken();
  deepEqual(talk.hear(announceOf(1, 9, 2)).taken(), [
    "0 s: peer of 1 at 192.168.1.7:7000",
    "0 s: peer of 2 at 192.168.1.7:7000",
  ]);
});

test("our own voice is not a peer, another's of the same program is", () => {
  const talk = new Talk().join(1).later(seconds(1));
  const own = talk.outputs.find((output) => output.type === "send");
  const other = new Talk(2).join(1).later(seconds(1));
  const others = other.outputs.find((output) => output.type === "send");
  if (own?.type !== "send" || others?.type !== "send") throw new Error("both announced");
  talk.taken();
  deepEqual(talk.hear(own.bytes).taken(), []);
  deepEqual(talk.hear(others.bytes).taken(), ["1 s: peer of 1 at 192.168.1.7:6881"]);
});

const sources: readonly (readonly [ip: string, neighbour: boolean, believed: boolean])[] = [
  ["10.1.2.3", false, true],
  ["172.16.0.1", false, true],
  ["169.254.7.7", false, true],
  ["127.0.0.1", false, true],
  ["fd00::1", false, true],
  ["::1", false, true],
  ["203.0.113.5", false, false],
  ["203.0.113.5", true, true],
  ["2001:db8::5", false, false],
  ["2001:db8::5", true, true],
  ["fe80::1", true, false],
  ["8.8.8.8", false, false],
];

for (const [ip, neighbour, believed] of sources) {
  test(`${ip}${neighbour ? ", which the host knows as a neighbour," : ""} is ${believed ? "" : "not "}believed`, () => {
    const talk = new Talk().join(1);
    talk.taken();
    equal(talk.hear(announceOf(1), { ip, port: 6771 }, neighbour).taken().length, believed ? 1 : 0);
  });
}

test("of one address 24 datagrams a minute are read and the 25th is not, of all together 600", () => {
  const talk = new Talk().join(1);
  talk.taken();
  const heard = (host: number) =>
    talk.hear(announceOf(1), { ip: `10.0.${host >> 8}.${host & 255}`, port: 1 }).taken().length;
  for (let count = 1; count <= lsdIntake.fromOneMax + 1; count += 1) equal(heard(0), count <= 24 ? 1 : 0);
  let more = 0;
  for (let host = 1; host <= 700; host += 1) more += heard(host);
  equal(more, 600 - 24);
  talk.later(minutes(1));
  talk.taken();
  equal(heard(0), 1);
});

test("nonsense is nothing", () => {
  const talk = new Talk().join(1);
  talk.taken();
  for (const text of ["", "M-SEARCH * HTTP/1.1\r\n\r\n", "BT-SEARCH * HTTP/1.1\r\nPort: 0\r\n\r\n"])
    deepEqual(talk.hear(fromLatin1(text)).taken(), []);
});

test("whatever joins, leaves and happens: announces a minute apart, only what is there, each told within its time", () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant("join" as const), topic: fc.nat(400) }),
    fc.record({ do: fc.constant("leave" as const), topic: fc.nat(400) }),
    fc.record({ do: fc.constant("wait" as const), ms: fc.nat(200_000) }),
    fc.record({ do: fc.constant("change" as const) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (story) => {
      const talk = new Talk();
      const here = new Set<number>();
      let announcedAt = Number.NEGATIVE_INFINITY;
      const check = () => {
        for (const line of talk.taken()) {
          const [, at, topics] = /^([\d.]+) s: IPv4: (.*) at port 6881$/.exec(line) ?? [];
          if (topics === undefined) continue;
          const now = Math.round(Number(at) * 1000);
          ok(now === announcedAt || now - announcedAt >= 60_000, "announces are a minute apart");
          announcedAt = now;
          for (const topic of topics.split(" ")) ok(here.has(Number(topic)), "only what is there is told");
        }
      };
      for (const one of story) {
        if (one.do === "join") {
          here.add(one.topic);
          talk.join(one.topic);
        } else if (one.do === "leave") {
          here.delete(one.topic);
          talk.leave(one.topic);
        } else if (one.do === "change") talk.changed();
        else talk.later(ms(one.ms));
        check();
      }
      talk.later(minutes(2)); // what changes put off is over
      talk.taken();
      talk.later(minutes(6));
      const told = new Set(
        talk.taken().flatMap((line) => /IPv4: (.*) at/.exec(line)?.[1]?.split(" ").map(Number) ?? []),
      );
      deepEqual([...told].sort(), [...here].sort());
    }),
    { numRuns: 200 },
  );
});

function announceOf(...indexes: readonly number[]): Uint8Array {
  return encodeLsd(4, { port: 7000, infoHashes: indexes.map(hashOf), cookie: "another" });
}

import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import { type Address, formatAddress, type Ms, ms, Prng, seconds } from "@dure/base";
import { decodePex, encodePex, type PexContact, pexFlagsOf } from "@dure/protocol";
import type { Connected, PexLink, PexOutput } from "./messages.ts";
import { Pex } from "./pex.ts";

const addressOf = (link: PexLink): Address => ({
  ip: `198.51.${100 + (link >> 8)}.${link & 255}`,
  port: 6881,
});
const contactOf = (address: Address, byte = 0): PexContact => ({ address, flags: pexFlagsOf(byte) });

/** A machine, whom its torrent is connected to, and everything it says as text. */
class Talk {
  now: Ms = ms(0);
  readonly pex = new Pex(new Prng(1));
  readonly connected = new Map<PexLink, Connected>();
  readonly outputs: PexOutput[] = [];
  readonly lines: string[] = [];

  join(link: PexLink, options: { address?: Address; flags?: number; speaks?: boolean } = {}): this {
    const address = options.address ?? addressOf(link);
    this.connected.set(link, { link, contact: contactOf(address, options.flags) });
    this.pex.handle(this.now, { type: "speaks", link, ip: address.ip, speaks: options.speaks ?? true });
    return this;
  }

  leave(link: PexLink): this {
    this.connected.delete(link);
    this.pex.handle(this.now, { type: "left", link });
    return this;
  }

  hear(link: PexLink, payload: Uint8Array, ip = addressOf(link).ip): this {
    this.pex.handle(this.now, { type: "heard", link, ip, payload });
    this.#drain();
    return this;
  }

  later(duration: Ms): this {
    const until = this.now + duration;
    for (;;) {
      const due = this.pex.deadline();
      if (due === undefined || due > until) break;
      this.now = ms(Math.max(this.now, due));
      this.pex.handle(this.now, { type: "wake", connected: [...this.connected.values()] });
      this.#drain();
    }
    this.now = ms(until);
    return this;
  }

  taken(): string[] {
    return this.lines.splice(0);
  }

  #drain(): void {
    for (let output = this.pex.poll(); output !== undefined; output = this.pex.poll()) {
      this.outputs.push(output);
      this.lines.push(`${this.now / 1000} s: ${textOf(output)}`);
    }
  }
}

function textOf(output: PexOutput): string {
  if (output.type === "close") return `close ${output.link}: ${output.reason}`;
  if (output.type === "contacts") return `learnt ${output.contacts.map(nameOf).join(" ")}`;
  const message = decodePex(output.payload);
  if (!message.ok) throw new Error(message.reason);
  const added = message.value.added.map((contact) => ` +${nameOf(contact)}`);
  const dropped = message.value.dropped.map((address) => ` -${address.ip.split(".").at(-1)}`);
  return `${output.link} hears${added.join("")}${dropped.join("")}`;
}

function nameOf({ address, flags }: PexContact): string {
  const marks = `${flags.reachable ? "r" : ""}${flags.seed ? "s" : ""}`;
  return address.ip.includes(":") ? formatAddress(address) : `${address.ip.split(".").at(-1)}${marks}`;
}

test("everyone hears of the others soon after the handshake, then only of those who came and went", () => {
  const talk = new Talk().join(1, { flags: 0x10 }).join(2, { flags: 0x02 });
  talk.later(seconds(2)).join(3).later(seconds(60));
  deepEqual(talk.taken(), ["3 s: 1 hears +2s +3", "3 s: 2 hears +1r +3", "5 s: 3 hears +1r +2s"]);
  talk.leave(2).join(4).later(seconds(8));
  deepEqual(talk.taken(), ["65 s: 4 hears +1r +3", "68 s: 1 hears +4 -2", "70 s: 3 hears +4 -2"]);
  talk.later(seconds(300));
  deepEqual(talk.taken(), [], "nobody came, nobody left");
});

test("who has come and gone between two messages is not mentioned, nor who went and came back", () => {
  const talk = new Talk().join(1).join(2).later(seconds(3));
  talk.taken();
  talk.join(3).later(seconds(10)).leave(3).leave(2).later(seconds(10)).join(2).later(seconds(50));
  deepEqual(
    talk.taken().filter((line) => line.includes(" 1 hears")),
    [],
  );
});

test("while there is nothing to say the first message waits, and then it goes within five seconds", () => {
  const talk = new Talk().join(1).later(seconds(100)).join(2).later(seconds(5));
  deepEqual(talk.taken(), ["103 s: 1 hears +2", "103 s: 2 hears +1"]);
});

test("who does not speak ut_pex is told of to others and told nothing, also when it takes its offer back", () => {
  const talk = new Talk().join(1, { speaks: false }).join(2).later(seconds(10));
  deepEqual(talk.taken(), ["3 s: 2 hears +1"]);
  talk.join(2, { speaks: false }).join(3).later(seconds(100));
  deepEqual(talk.taken(), ["13 s: 3 hears +1 +2"]);
});

test("a message has at most fifty who came and fifty who left, those known to be reachable first", () => {
  const talk = new Talk().join(1);
  for (let link = 2; link < 102; link += 1) talk.join(link, { speaks: false, flags: link < 32 ? 0x10 : 0 });
  talk.later(seconds(3));
  const messages = () =>
    talk.outputs.splice(0).flatMap((output) => {
      const decoded = output.type === "send" && output.link === 1 ? decodePex(output.payload) : undefined;
      return decoded?.ok === true ? [decoded.value] : [];
    });
  const first = messages();
  equal(first[0]?.added.length, 50);
  equal(first[0]?.added.filter(({ flags }) => flags.reachable).length, 30);
  for (let link = 2; link < 102; link += 1) talk.leave(link);
  for (let link = 102; link < 162; link += 1) talk.join(link, { speaks: false });
  talk.later(seconds(65));
  deepEqual(
    messages().map(({ added, dropped }) => [added.length, dropped.length]),
    [[50, 50]],
  );
  talk.later(seconds(65));
  deepEqual(
    messages().map(({ added, dropped }) => [added.length, dropped.length]),
    [[10, 0]],
  );
});

test("both families are told", () => {
  const six = { ip: "2001:db8::7", port: 7000 };
  const talk = new Talk().join(1).join(2, { address: six }).join(3).later(seconds(3));
  deepEqual(talk.taken(), [
    "3 s: 1 hears +3 +[2001:db8::7]:7000",
    "3 s: 2 hears +1 +3",
    "3 s: 3 hears +1 +[2001:db8::7]:7000",
  ]);
});

test("addresses of a local network are told to local ears alone, and believed from local mouths alone", () => {
  const home = { ip: "192.168.1.20", port: 6881 };
  const other = { ip: "10.0.0.21", port: 6881 };
  const talk = new Talk().join(1).join(2, { address: home }).join(3, { address: other }).later(seconds(3));
  deepEqual(talk.taken(), ["3 s: 2 hears +1 +21", "3 s: 3 hears +1 +20"]);
  const rumour = encodePex({
    added: [contactOf(home), contactOf({ ip: "127.0.0.1", port: 7000 })],
    dropped: [],
  });
  deepEqual(talk.hear(1, rumour).taken(), []);
  deepEqual(talk.hear(2, rumour, home.ip).taken(), ["3 s: learnt 20"]);
  deepEqual(talk.hear(4, rumour, "127.0.0.1").taken(), ["3 s: learnt 20 1"]);
});

test("what is heard is passed on with its flags, one port an IP, and what was dropped is no reason to forget", () => {
  const [a, b] = [addressOf(50), addressOf(51)];
  const added = [contactOf(a, 0x12), contactOf({ ...a, port: 7000 }), contactOf(b)];
  const talk = new Talk().join(1).hear(1, encodePex({ added, dropped: [] }));
  deepEqual(talk.taken(), ["0 s: learnt 50rs 51"]);
  deepEqual(talk.hear(1, encodePex({ added: [], dropped: [a] })).taken(), []);
});

test("who floods is not read any more and then closed; who talks nonsense is closed at once", () => {
  const talk = new Talk().join(1);
  for (let index = 0; index < 8; index += 1)
    talk.hear(1, encodePex({ added: [contactOf(addressOf(60 + index))], dropped: [] }));
  deepEqual(talk.taken(), ["0 s: learnt 60", "0 s: learnt 61", "0 s: close 1: flood"]);
  deepEqual(talk.hear(2, Uint8Array.of(0x69)).taken(), ["0 s: close 2: bad-message"]);
});

test("a peer of whom a message came before its handshake is heard all the same", () => {
  const talk = new Talk().hear(9, encodePex({ added: [contactOf(addressOf(70))], dropped: [] }));
  deepEqual(talk.taken(), ["0 s: learnt 70"]);
  deepEqual(talk.later(seconds(200)).taken(), []);
});

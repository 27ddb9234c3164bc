import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import {
  type Address,
  formatAddress,
  type Ms,
  minutes,
  ms,
  must,
  Prng,
  parseAddress,
  seconds,
} from "@dure/base";
import { canonicalPriority } from "./canonical-priority.ts";
import type { PeerSource } from "./known-peer.ts";
import { peerLimits } from "./limits.ts";
import { type AddOutcome, type DialFailure, PeerBook } from "./peer-book.ts";

/** A book on virtual time. */
class Story {
  now: Ms = seconds(1000);
  readonly book: PeerBook;

  constructor(options: { knownMax?: number; countLocal?: boolean; seed?: number } = {}) {
    const { seed = 1, ...rest } = options;
    this.book = new PeerBook({ prng: new Prng(seed), ...rest });
  }

  add(address: string, source: PeerSource = "tracker", seed?: boolean): AddOutcome {
    return this.book.add(this.now, at(address), source, seed === undefined ? {} : { seed });
  }

  next(): string | undefined {
    const address = this.book.next(this.now);
    return address === undefined ? undefined : formatAddress(address);
  }

  /** Dials the best address, which does not answer. */
  dial(reason: DialFailure = "timeout"): string | undefined {
    const address = this.book.next(this.now);
    if (address === undefined) return undefined;
    this.book.connecting(this.now, address);
    this.book.failed(this.now, address, reason);
    return formatAddress(address);
  }

  /** Dials whatever comes due until nothing is left or the time is over; gives what and when, in seconds. */
  dialFor(duration: Ms, reason: DialFailure = "timeout"): { address: string; atSeconds: number }[] {
    const began = this.now;
    const dials: { address: string; atSeconds: number }[] = [];
    for (;;) {
      const due = this.book.deadline(this.now);
      if (due === undefined || due > began + duration) break;
      this.now = ms(Math.max(this.now, due));
      const address = must(this.dial(reason), "an address is due at the deadline");
      dials.push({ address, atSeconds: (this.now - began) / 1000 });
    }
    this.now = ms(began + duration);
    return dials;
  }

  connect(address: string): void {
    this.book.connecting(this.now, at(address));
    this.book.connected(this.now, at(address));
  }

  close(address: string, useful: boolean): void {
    this.book.closed(this.now, at(address), { useful });
  }
}

test("a silent peer is tried ten times with doubling waits, then given up", () => {
  const story = new Story();
  story.add("192.0.2.1:6881");
  const dials = story.dialFor(minutes(600));
  equal(dials.length, 10);
  const waits = dials.slice(1).map((dial, index) => dial.atSeconds - (dials[index]?.atSeconds ?? 0));
  for (const [index, wait] of waits.entries()) {
    const nominal = 10 * 2 ** index;
    ok(wait >= nominal * 0.75 && wait <= Math.min(nominal * 1.25, 3600), `wait ${index} was ${wait} s`);
  }
  equal(story.book.deadline(story.now), undefined);
  equal(story.book.stats().givenUp, 1);
});

test("a peer that was given up gets one more try when it is named again, an hour later at the soonest", () => {
  const story = new Story();
  story.add("192.0.2.1:6881");
  story.dialFor(minutes(85));
  for (; story.book.stats().givenUp === 0; ) story.dialFor(minutes(10));
  equal(story.add("192.0.2.1:6881"), "known");
  story.now = ms(story.now + minutes(5));
  story.add("192.0.2.1:6881");
  equal(story.next(), undefined);
  story.now = ms(story.now + minutes(60));
  story.add("192.0.2.1:6881");
  equal(story.dialFor(minutes(600)).length, 1);
});

test("a peer that the user named is tried at least once a minute and never given up", () => {
  const story = new Story();
  story.add("192.0.2.1:6881", "user");
  const dials = story.dialFor(minutes(60));
  ok(dials.length >= 60, `${dials.length} tries`);
  ok((dials[1]?.atSeconds ?? 99) <= 2.5);
  for (const [index, dial] of dials.slice(1).entries())
    ok(dial.atSeconds - (dials[index]?.atSeconds ?? 0) <= 60);
  equal(story.book.stats().givenUp, 0);
});

test("a network that is out of reach gives nobody up", () => {
  const story = new Story();
  story.add("192.0.2.1:6881");
  story.dialFor(minutes(24 * 60), "unreachable");
  equal(story.book.stats().givenUp, 0);
});

test("a peer without this torrent is given up at once, unless the user named it", () => {
  const story = new Story();
  story.add("192.0.2.1:6881");
  story.add("192.0.2.2:6881", "user");
  equal(
    story.dialFor(minutes(1), "wrong-torrent").filter(({ address }) => address.startsWith("192.0.2.1"))
      .length,
    1,
  );
  equal(story.book.stats().givenUp, 1);
});

test("peers that failed together do not come back together", () => {
  const story = new Story();
  for (let host = 1; host <= 50; host += 1) story.add(`192.0.${host}.1:6881`);
  while (story.dial() !== undefined);
  const dials = story.dialFor(seconds(13));
  equal(dials.length, 50);
  ok(new Set(dials.map(({ atSeconds }) => atSeconds)).size > 40);
});

test("after sleep everyone is due at once, also who was given up", () => {
  const story = new Story();
  story.add("192.0.2.1:6881");
  story.add("192.0.3.1:6881");
  story.dialFor(minutes(600));
  equal(story.book.stats().givenUp, 2);
  story.book.resume(story.now);
  deepEqual(new Set([story.dial(), story.dial()]), new Set(["192.0.2.1:6881", "192.0.3.1:6881"]));
});

test("a connection that was of use is tried again soon, one that was not is a failure", () => {
  const story = new Story();
  story.add("192.0.2.1:6881");
  story.dial();
  story.dialFor(minutes(10));
  story.connect("192.0.2.1:6881");
  equal(story.next(), undefined);
  story.close("192.0.2.1:6881", true);
  const due = must(story.book.deadline(story.now), "due again");
  ok(due - story.now >= 7500 && due - story.now <= 12_500);
  for (let round = 0; round < 10; round += 1) {
    story.connect("192.0.2.1:6881");
    story.close("192.0.2.1:6881", false);
  }
  equal(story.book.stats().givenUp, 1);
});

test("the order is: the user's, those that never failed, those that served us, neighbours, then by lot", () => {
  const story = new Story();
  story.add("192.0.2.1:6881");
  story.dial();
  story.add("192.0.3.1:6881", "dht");
  story.add("192.168.0.9:6881", "lsd");
  story.add("192.0.4.1:6881", "resume");
  story.add("192.0.5.1:6881", "user");
  story.now = ms(story.now + minutes(1));
  const order = Array.from({ length: 5 }, () => {
    const address = must(story.next(), "five are due");
    story.book.connecting(story.now, at(address));
    return address;
  });
  deepEqual(order, [
    "192.0.5.1:6881",
    "192.0.4.1:6881",
    "192.168.0.9:6881",
    "192.0.3.1:6881",
    "192.0.2.1:6881",
  ]);
});

test("once our address is known, strangers are ordered by canonical priority (BEP 40)", () => {
  const story = new Story();
  const own = at("198.51.100.7:6881");
  const addresses = Array.from({ length: 30 }, (_, host) => `192.${host}.2.1:6881`);
  for (const address of addresses.slice(0, 15)) story.add(address);
  story.book.setOwn(own);
  story.book.setOwn(own);
  for (const address of addresses.slice(15)) story.add(address);
  const order: string[] = [];
  for (let address = story.next(); address !== undefined; address = story.next()) {
    order.push(address);
    story.book.connecting(story.now, at(address));
  }
  const priority = (address: string) => must(canonicalPriority(own, at(address)), "one family");
  deepEqual(
    order,
    [...addresses].sort((a, b) => priority(b) - priority(a)),
  );
});

test("without it the order is another for another generator, and the same for the same", () => {
  const order = (seed: number) => {
    const story = new Story({ seed });
    for (let host = 0; host < 20; host += 1) story.add(`192.${host}.2.1:6881`);
    return Array.from({ length: 20 }, () => story.dial());
  };
  deepEqual(order(7), order(7));
  ok(JSON.stringify(order(7)) !== JSON.stringify(order(8)));
});

test("seeds are not dialled by a seed, and are again when it wants something", () => {
  const story = new Story();
  story.add("192.0.2.1:6881", "pex", true);
  story.book.setSeeding(true);
  equal(story.next(), undefined);
  equal(story.book.deadline(story.now), undefined);
  story.add("192.0.3.1:6881", "pex", false);
  equal(story.dial(), "192.0.3.1:6881");
  story.book.setSeeding(false);
  equal(story.dial(), "192.0.2.1:6881");
});

test("what a peer showed itself outweighs what others say of it", () => {
  const story = new Story();
  story.add("192.0.2.1:6881", "pex", true);
  story.book.observeSeed(at("192.0.2.1:6881"), false);
  story.add("192.0.2.1:6881", "pex", true);
  story.book.setSeeding(true);
  equal(story.next(), "192.0.2.1:6881");
});

test("our own addresses are never dialled", () => {
  const story = new Story();
  story.add("192.0.2.1:6881");
  story.book.addOwn(at("192.0.2.1:6881"));
  equal(story.next(), undefined);
  equal(story.add("192.0.2.1:6881", "user"), "own");
  story.book.setOwn(at("198.51.100.7:6881"));
  equal(story.add("198.51.100.7:6881"), "own");
  equal(story.add("198.51.100.7:6882"), "added");
});

test("port 0, ports of other services and addresses where no peer can be are refused", () => {
  const story = new Story();
  equal(story.add("192.0.2.1:0"), "not-dialable");
  equal(story.book.add(story.now, { ip: "192.0.2.1", port: 65_536 }, "user"), "not-dialable");
  for (const ip of ["0.0.0.0", "224.0.0.1", "255.255.255.255", "[ff02::1]", "[::]"])
    equal(story.add(`${ip}:6881`), "not-dialable", ip);
  for (const source of ["incoming", "pex", "dht", "lsd", "resume"] as const) {
    equal(story.add("192.0.2.1:1023", source), "privileged-port", source);
  }
  equal(story.add("192.0.2.1:1024", "dht"), "added");
  equal(story.add("192.0.2.2:80", "tracker"), "added");
  equal(story.add("192.0.2.3:80", "user"), "added");
});

test("an address that strangers name with many ports is tried three times in all, until one try succeeds", () => {
  const story = new Story();
  for (let port = 2000; port < 2000 + peerLimits.portsPerIpMax; port += 1)
    equal(story.add(`192.0.2.1:${port}`, "dht"), "added");
  equal(story.add("192.0.2.1:3000", "dht"), "too-many-ports");
  equal(story.add("192.0.2.1:3000", "user"), "added");
  const tries = story.dialFor(minutes(60)).filter(({ address }) => address !== "192.0.2.1:3000");
  ok(tries.length <= peerLimits.victimTries, `${tries.length} tries`);
  story.connect("192.0.2.1:2000");
  ok(story.next() !== undefined);
});

test("tries under way count too: no more than three run at once at such an address", () => {
  const story = new Story();
  for (let port = 2000; port < 2008; port += 1) story.add(`192.0.2.1:${port}`, "pex");
  let running = 0;
  for (let address = story.next(); address !== undefined; address = story.next()) {
    story.book.connecting(story.now, at(address));
    running += 1;
  }
  equal(running, 3);
});

test("the addresses of one IPv6 /64 are one address in this", () => {
  const story = new Story();
  for (let host = 1; host <= 8; host += 1) story.add(`[2001:db8:0:1::${host}]:6881`, "dht");
  equal(story.add("[2001:db8:0:1::9]:6881", "dht"), "too-many-ports");
  equal(story.add("[2001:db8:0:2::9]:6881", "dht"), "added");
  equal(story.dialFor(minutes(60)).filter(({ address }) => address.includes(":1::")).length, 3);
});

test("addresses that were forgotten no longer count as ports of theirs", () => {
  const story = new Story({ knownMax: 8 });
  for (let port = 2000; port < 2008; port += 1) story.add(`192.0.2.1:${port}`, "dht");
  equal(story.add("192.0.3.1:6881", "tracker"), "added"); // in the place of one of the eight
  equal(story.add("192.0.2.1:3000", "dht"), "full", "not too many ports any more");
});

test("after sleep such an address has three tries again: the failures may have been ours", () => {
  const story = new Story();
  for (let port = 2000; port < 2008; port += 1) story.add(`192.0.2.1:${port}`, "dht");
  equal(story.dialFor(minutes(60)).length, 3);
  story.book.resume(story.now);
  equal(story.dialFor(minutes(60)).length, 3);
});

test("a day later such an address may be tried again", () => {
  const story = new Story();
  for (const port of [2000, 2001]) story.add(`192.0.2.1:${port}`, "dht");
  equal(story.dialFor(minutes(60)).length, 3);
  equal(story.next(), undefined);
  story.now = ms(story.now + minutes(24 * 60));
  story.add("192.0.2.1:2001", "dht");
  ok(story.next() !== undefined);
});

test("many peers at a loopback or private address are normal, unless a setting says they count", () => {
  const free = new Story();
  const strict = new Story({ countLocal: true });
  for (let port = 2000; port < 2020; port += 1) {
    for (const story of [free, strict]) story.add(`127.0.0.1:${port}`, "lsd");
  }
  equal(free.book.stats().known, 20);
  equal(strict.book.stats().known, peerLimits.portsPerIpMax);
  equal(new Set(free.dialFor(seconds(1)).map(({ address }) => address)).size, 20);
  equal(strict.dialFor(minutes(60)).length, 3);
});

test("a banned peer is forgotten and not taken back; its neighbours at the same address stay", () => {
  const story = new Story();
  story.add("192.0.2.1:6881");
  story.add("192.0.2.1:6882");
  story.book.ban(at("192.0.2.1:6881"), "bad-data");
  story.book.ban(at("192.0.2.1:6881"), "bad-data");
  equal(story.book.isBanned(at("192.0.2.1:6881")), true);
  equal(story.book.banReason(at("192.0.2.1:6881")), "bad-data");
  equal(story.add("192.0.2.1:6881", "user"), "banned");
  equal(story.book.isBanned(at("192.0.2.1:6882")), false);
  equal(story.next(), "192.0.2.1:6882");
  equal(story.book.stats().banned, 1);
});

test("who comes back from another port to lie again is banned with the whole address", () => {
  const story = new Story();
  story.add("192.0.2.1:6883");
  story.book.ban(at("192.0.2.1:50001"), "bad-data");
  story.book.ban(at("192.0.2.1:50002"), "bad-data");
  equal(story.book.isBanned(at("192.0.2.1:6883")), true);
  equal(story.next(), undefined);
  for (const port of [1, 2, 3]) story.book.ban(at(`10.0.0.1:5000${port}`), "bad-data");
  equal(story.book.isBanned(at("10.0.0.1:6881")), false);
});

test("the book is full at its ceiling: newcomers push out who failed, gossip never pushes out trackers' peers", () => {
  const story = new Story({ knownMax: 4 });
  for (const host of [1, 2, 3]) story.add(`192.0.${host}.1:6881`, "tracker");
  story.add("192.0.4.1:6881", "dht");
  equal(story.add("192.0.5.1:6881", "pex"), "full");
  equal(story.add("192.0.6.1:6881", "tracker"), "added"); // in the place of the gossip
  equal(story.add("192.0.7.1:6881", "tracker"), "full");
  const failed = must(story.dial(), "four are due");
  equal(story.add("192.0.8.1:6881", "dht"), "added");
  equal(story.add(failed, "tracker"), "added"); // pushes the gossip out again
  equal(story.add("192.0.9.1:6881", "user"), "added");
  equal(story.book.stats().known, 4);
});

test("connections and the user's peers are never pushed out", () => {
  const story = new Story({ knownMax: 2 });
  story.add("192.0.1.1:6881", "dht");
  story.connect("192.0.1.1:6881");
  story.add("192.0.2.1:6881", "user");
  equal(story.add("192.0.3.1:6881", "user"), "full");
  equal(story.add("192.0.1.1:6881", "tracker"), "known");
});

test("three thousand addresses are known and one more is refused", () => {
  const story = new Story();
  for (let host = 0; host < peerLimits.knownMax; host += 1)
    equal(story.add(`10.0.${host >>> 8}.${host & 255}:6881`), "added");
  equal(story.add("10.1.0.1:6881"), "full");
});

test("the addresses worth keeping are the connected ones, then those of use, latest first", () => {
  const story = new Story();
  for (const host of [1, 2, 3, 4]) story.add(`192.0.${host}.1:6881`);
  for (const host of [1, 2]) {
    story.connect(`192.0.${host}.1:6881`);
    story.now = ms(story.now + minutes(1));
    story.close(`192.0.${host}.1:6881`, true);
  }
  story.connect("192.0.3.1:6881");
  deepEqual(story.book.best(10).map(formatAddress), ["192.0.3.1:6881", "192.0.2.1:6881", "192.0.1.1:6881"]);
  deepEqual(story.book.best(1).map(formatAddress), ["192.0.3.1:6881"]);
});

test("statistics count an address for each source that named it", () => {
  const story = new Story();
  story.add("192.0.1.1:6881", "tracker");
  story.add("192.0.1.1:6881", "dht");
  story.add("192.0.2.1:6881", "dht");
  story.connect("192.0.1.1:6881");
  const stats = story.book.stats();
  deepEqual(stats.bySource.tracker, { known: 1, connected: 1 });
  deepEqual(stats.bySource.dht, { known: 2, connected: 1 });
  deepEqual(stats.bySource.user, { known: 0, connected: 0 });
  deepEqual([stats.known, stats.idle, stats.connected, stats.connecting], [2, 1, 1, 0]);
});

test("what happens to an address that is not in the book changes nothing", () => {
  const story = new Story();
  const stranger = at("192.0.2.1:50000");
  story.book.connecting(story.now, stranger);
  story.book.connected(story.now, stranger);
  story.book.failed(story.now, stranger, "timeout");
  story.book.closed(story.now, stranger, { useful: true });
  equal(story.book.stats().known, 0);
});

function at(text: string): Address {
  return must(parseAddress(text), "an address");
}

test("a magnet link's peers are a stranger's word: no privileged ports, no tries without end", () => {
  const story = new Story();
  equal(story.add("203.0.113.1:80", "magnet"), "privileged-port");
  equal(story.add("203.0.113.1:7000", "magnet"), "added");
  for (let tries = 0; tries < peerLimits.failuresMax; tries += 1) {
    story.now = ms(story.now + peerLimits.retryWaitMax);
    equal(story.dial(), "203.0.113.1:7000");
  }
  story.now = ms(story.now + 10 * peerLimits.retryWaitMax);
  equal(story.next(), undefined);
});

test("when a torrent turns out private, what gossip alone named is forgotten, and who of it is connected is told", () => {
  const { book, now } = new Story();
  const host = (index: number) => ({ ip: `203.0.113.${index}`, port: 6881 });
  const named: readonly PeerSource[] = ["pex", "dht", "lsd", "tracker", "user", "magnet", "incoming"];
  for (const [index, source] of named.entries()) book.add(now, host(index), source);
  book.add(now, host(0), "tracker"); // named by both
  book.connecting(now, host(1));
  book.connected(now, host(1));
  deepEqual(book.forgetHearsay(), [host(1)]);
  equal(book.stats().known, 5);
  equal(book.hints(host(2)), undefined);
});

test("hints of several sources are kept together", () => {
  const { book, now } = new Story();
  const address = { ip: "203.0.113.9", port: 6881 };
  book.add(now, address, "tracker");
  book.add(now, address, "pex", { utp: true });
  book.add(now, address, "pex", { seed: true });
  deepEqual(book.hints(address), { utp: true, seed: true });
});

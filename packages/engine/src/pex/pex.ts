import {
  type Address,
  earliest,
  formatAddress,
  ipScope,
  type Machine,
  type Ms,
  ms,
  type Prng,
  Queue,
} from "@dure/base";
import { decodePex, encodePex, type PexContact, pexLimits } from "@dure/protocol";
import { isLocal } from "../peers/index.ts";
import { Intake } from "./intake.ts";
import { pexTiming, toldMax } from "./limits.ts";
import type { Connected, PexInput, PexLink, PexOutput } from "./messages.ts";

interface Listener {
  readonly ip: string;
  readonly intake: Intake;
  /** When it may be told next; undefined: it does not speak `ut_pex`. */
  due: Ms | undefined;
  /** What it knows from us, by address: at most `toldMax`. */
  readonly told: Map<string, Address>;
}

/**
 * Peer exchange (BEP 11) of one torrent: who is told of whom and when, and how much is believed.
 *
 *   - A peer hears of others at most every 65 s, at most fifty come and fifty gone, and only what changed.
 *   - Others are those we are connected to at that moment, never those we only heard of.
 *   - Local addresses are for local ears, and believed only from local mouths: elsewhere they mean another network.
 *   - A private torrent has no such machine at all (BEP 27).
 */
export class Pex implements Machine<PexInput, PexOutput> {
  readonly #prng: Prng;
  readonly #countLocal: boolean;
  readonly #listeners = new Map<PexLink, Listener>(); // bounded by the torrent's connections
  readonly #outbox = new Queue<PexOutput>(); // bounded: one entry for each link of a handled input

  constructor(prng: Prng, options: { readonly countLocal?: boolean } = {}) {
    this.#prng = prng;
    this.#countLocal = options.countLocal ?? false;
  }

  handle(now: Ms, input: PexInput): void {
    switch (input.type) {
      case "speaks": {
        const listener = this.#listener(now, input);
        if (!input.speaks) listener.due = undefined;
        else listener.due ??= ms(now + pexTiming.firstWait);
        return;
      }
      case "heard":
        return this.#heard(now, input);
      case "left":
        this.#listeners.delete(input.link);
        return;
      case "wake":
        return this.#tellAll(now, input.connected);
    }
  }

  poll(): PexOutput | undefined {
    return this.#outbox.shift();
  }

  deadline(): Ms | undefined {
    let at: Ms | undefined;
    for (const { due } of this.#listeners.values()) at = earliest(at, due);
    return at;
  }

  #listener(now: Ms, { link, ip }: { readonly link: PexLink; readonly ip: string }): Listener {
    let listener = this.#listeners.get(link);
    if (listener === undefined) {
      listener = { ip, intake: new Intake(now), due: undefined, told: new Map() };
      this.#listeners.set(link, listener);
    }
    return listener;
  }

  // ---- what we say

  #tellAll(now: Ms, connected: readonly Connected[]): void {
    const present = new Map<string, Connected>(); // bounded by the torrent's connections
    for (const one of connected) present.set(formatAddress(one.contact.address), one);
    for (const [link, listener] of this.#listeners) {
      if (listener.due === undefined || listener.due > now) continue;
      const told = this.#tell(link, listener, present);
      listener.due = ms(now + (told ? pexTiming.every : pexTiming.lookAgain));
    }
  }

  /** False when there is nothing new. */
  #tell(link: PexLink, listener: Listener, present: ReadonlyMap<string, Connected>): boolean {
    const { told, ip } = listener;
    const gone = [...told].filter(([key]) => !present.has(key)).slice(0, pexLimits.contactsMax);
    const fresh = [...present].filter(
      ([key, other]) => other.link !== link && !told.has(key) && concerns(ip, other.contact.address.ip),
    );
    for (const [key] of gone) told.delete(key);
    const added = this.#choose(fresh, Math.min(pexLimits.contactsMax, toldMax - told.size));
    for (const [key, { contact }] of added) told.set(key, contact.address);
    if (added.length + gone.length === 0) return false;
    const contacts = added.map(([, { contact }]) => contact);
    const payload = encodePex({ added: contacts, dropped: gone.map(([, address]) => address) });
    this.#outbox.push({ type: "send", link, payload });
    return true;
  }

  /** Those known to be reachable first; among equals by lot, so that not everyone hears of the same ones. */
  #choose(fresh: [string, Connected][], count: number): [string, Connected][] {
    if (fresh.length <= count) return fresh;
    const rank = ([, { contact }]: [string, Connected]) => Number(!contact.flags.reachable);
    return this.#prng
      .shuffle(fresh)
      .sort((a, b) => rank(a) - rank(b)) // stable: the lot stands among equals
      .slice(0, count);
  }

  // ---- what we hear

  #heard(now: Ms, input: Extract<PexInput, { type: "heard" }>): void {
    const { ip, intake } = this.#listener(now, input);
    const verdict = intake.message(now);
    if (verdict === "flood") return this.#close(input.link, "flood");
    if (verdict === "ignore") return;
    const message = decodePex(input.payload);
    if (!message.ok) return this.#close(input.link, "bad-message");
    // What was dropped says nothing of whether it can be reached: the address stays known.
    const wanted = this.#onePerIp(message.value.added).filter(({ address }) => concerns(ip, address.ip));
    const contacts = wanted.slice(0, intake.peers(now, wanted.length));
    if (contacts.length > 0) this.#outbox.push({ type: "contacts", contacts });
  }

  #close(link: PexLink, reason: "flood" | "bad-message"): void {
    this.#listeners.delete(link);
    this.#outbox.push({ type: "close", link, reason });
  }

  /** BEP 11: several ports of one IP may be an attack on it. Behind a local address there may be many. */
  #onePerIp(contacts: readonly PexContact[]): readonly PexContact[] {
    const seen = new Set<string>(); // bounded by the message
    return contacts.filter(({ address: { ip } }) => {
      if (!this.#countLocal && isLocal(ip)) return true;
      const first = !seen.has(ip);
      seen.add(ip);
      return first;
    });
  }
}

/** An address of a local network means something only to who is on one, and one of a machine only to who is on it. */
function concerns(ear: string, ip: string): boolean {
  if (ipScope(ip) === "loopback") return ipScope(ear) === "loopback";
  return !isLocal(ip) || isLocal(ear);
}

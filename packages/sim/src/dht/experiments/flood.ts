import { assert, concat, encodeCompact, minutes, must } from "@dure/base";
import type { DhtLab } from "../dht-lab.ts";
import { Forgeries } from "../forgeries.ts";
import type { LabNode } from "../lab-node.ts";
import { Thief } from "../thief.ts";
import { type Tally, tallyOf } from "./spread.ts";

export interface FloodFigures {
  readonly packets: number;
  /** Milliseconds of virtual time. */
  readonly elapsed: number;
  /** Nodes in the victim's table before. */
  readonly tableBefore: number;
  /** Of those in it afterwards, the ones that are not honest nodes. */
  readonly hostile: Tally;
  /** Peers and items that the victim keeps although no token for them was good. */
  readonly forgedStores: number;
  /** Bytes of the victim for each byte of the flood. */
  readonly amplification: number;
  /** Bytes, after a collection each time. */
  readonly heapGrowth: number;
}

/** Packets a millisecond. */
const rate = 4;
const tokensCount = 20;

/**
 * One node with a grown table is flooded: noise, damaged messages, questions, answers and stores under false names.
 * `measureHeap` tells the bytes that are reachable.
 */
export function measureFlood(
  lab: DhtLab,
  options: { readonly packets: number; readonly measureHeap: () => number },
): FloodFigures {
  const open = lab.nodes.filter(({ place }) => place.nat === undefined);
  const victim = must(lab.prng.pick(open), "somebody has no NAT");
  const forgeries = prepare(lab, victim);
  const tableBefore = victim.snapshot.contacts.length;
  const storedBefore = storedAt(victim);
  const sentBefore = victim.place.bytesSent;
  const heapBefore = options.measureHeap();
  const begun = lab.now;
  let bytesIn = 0;
  for (let sent = 0; sent < options.packets; sent += 1) {
    const { from, bytes } = forgeries.next();
    bytesIn += bytes.length;
    victim.hear(lab.now, from, bytes);
    if (sent % rate === 0) lab.runFor(1);
  }
  const { contacts } = victim.snapshot;
  const honest = new Set(lab.nodes.map(({ address }) => address.ip));
  return {
    packets: options.packets,
    elapsed: lab.now - begun,
    tableBefore,
    hostile: tallyOf(contacts.map(({ address }) => !honest.has(address.ip))),
    forgedStores: storedAt(victim) - storedBefore,
    amplification: (victim.place.bytesSent - sentBefore) / bytesIn,
    heapGrowth: options.measureHeap() - heapBefore,
  };
}

// Tokens are taken first, and are then left to grow old; in ten minutes they are worth nothing.
function prepare(lab: DhtLab, victim: LabNode): Forgeries {
  const thief = new Thief(lab);
  for (let count = 0; count < tokensCount; count += 1) {
    thief.ask(victim.address);
    lab.runFor(1000);
  }
  assert(thief.tokens.length > 0, "some tokens were given");
  lab.runFor(minutes(11));
  const named = Array.from({ length: 8 }, () =>
    concat([lab.prng.bytes(20), encodeCompact(lab.addresses.unused())]),
  );
  return new Forgeries({
    prng: lab.prng.split("forgeries"),
    addresses: lab.addresses,
    victim: victim.id,
    honest: lab.nodes.filter((node) => node !== victim).map(({ address }) => address),
    named: concat(named),
    stolen: { by: thief.place.address, tokens: thief.tokens },
  });
}

function storedAt(node: LabNode): number {
  const { topics, items } = node.status;
  return topics + items;
}

import { assert, type Ms, minutes, seconds } from "@dure/base";
import { nodeIdFor } from "@dure/protocol";
import type { DhtLab } from "../dht-lab.ts";
import { Gang, type Greetings } from "../gang.ts";
import { type Tally, tallyOf } from "./spread.ts";
import { seek, storeItems, storePeers } from "./stored.ts";

export interface SybilFigures {
  /** Of all ids in the network, honest and hostile. */
  readonly share: number;
  readonly honest: number;
  readonly sybils: number;
  readonly found: Tally;
  /** By those who joined when the Sybils were there. */
  readonly foundByNewcomers: Tally;
  /** Of the nodes in honest tables, those that are Sybils. */
  readonly inTables: Tally;
}

const greetings: Greetings = { near: 24, anywhere: 32, within: minutes(1) };
const settleTime: Ms = minutes(2);

/**
 * Honest nodes store; then ever more Sybils come, each with an address of its own and an id that fits it (BEP 42); then
 * honest nodes seek, a tenth of them newcomers. All shares are measured in one world, so the earlier Sybils stay.
 */
export function measureSybilShares(
  lab: DhtLab,
  options: { readonly shares: readonly number[]; readonly stored: number; readonly lookups: number },
): SybilFigures[] {
  const half = Math.ceil(options.stored / 2);
  const stored = lab.prng.shuffle([
    ...storeItems(lab, half, seconds(30)),
    ...storePeers(lab, half, seconds(30)),
  ]);
  const gang = new Gang(lab);
  return options.shares.map((share) => {
    const honest = lab.nodes.length;
    const wanted = Math.round((honest * share) / (1 - share));
    assert(wanted >= gang.size, "shares grow");
    gang.enlist(
      Array.from({ length: wanted - gang.size }, () => {
        const address = lab.addresses.next();
        return { id: nodeIdFor(address.ip, lab.prng.bytes(20)), address };
      }),
    );
    gang.greet(greetings);
    lab.runFor(greetings.within);
    const newcomers = Array.from({ length: Math.ceil(options.lookups / 10) }, () => {
      lab.runFor(settleTime / options.lookups);
      return lab.join();
    });
    lab.runFor(settleTime);
    const seekers = lab.prng.shuffle([...newcomers, ...lab.pickNodes(options.lookups - newcomers.length)]);
    const sought = seek(lab, seekers, stored, seconds(60));
    const fresh = new Set(newcomers);
    return {
      share,
      honest: lab.nodes.length,
      sybils: gang.size,
      found: tallyOf(sought.map(({ found }) => found)),
      foundByNewcomers: tallyOf(
        sought.filter(({ outcome }) => fresh.has(outcome.node)).map(({ found }) => found),
      ),
      inTables: hostileInTables(lab),
    };
  });
}

export function hostileInTables(lab: DhtLab): Tally {
  const honest = new Set(lab.nodes.map((node) => node.address.ip));
  return tallyOf(
    lab.nodes.flatMap((node) => node.snapshot.contacts.map(({ address }) => !honest.has(address.ip))),
  );
}

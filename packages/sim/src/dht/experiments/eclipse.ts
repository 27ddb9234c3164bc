import { assert, type Ms, minutes, must, seconds } from "@dure/base";
import type { DhtLab } from "../dht-lab.ts";
import { Gang, type Greetings } from "../gang.ts";
import { Landlord, recruitsOfOneSubnet } from "../near-ids.ts";
import { type Tally, tallyOf } from "./spread.ts";
import { type Stored, seek, storeItems, storePeers } from "./stored.ts";

export type Origin = "one /24" | "20 networks";

export interface EclipseFigures {
  readonly origin: Origin;
  /** Of each target. */
  readonly sybils: number;
  readonly targets: number;
  readonly found: Tally;
  /** Targets that nobody found. */
  readonly lost: number;
}

const greetings: Greetings = { near: 60, anywhere: 20, within: minutes(1) };
const settleTime: Ms = minutes(2);
const restTime: Ms = minutes(3);

/**
 * Honest nodes store; then a gang for each target settles nearest to it: from one /24 with ids of their choice, or from
 * 20 networks with ids that fit their addresses (BEP 42), each in a /24 of its own. They greet the honest nodes near
 * the target twice; then random nodes seek it. Afterwards the gangs are gone, and the network rests.
 */
export class Eclipses {
  readonly #lab: DhtLab;
  #landlord: Landlord | undefined;

  constructor(lab: DhtLab) {
    this.#lab = lab;
  }

  measure(options: {
    readonly origin: Origin;
    readonly sybils: number;
    readonly targets: number;
    readonly lookups: number;
  }): EclipseFigures {
    const lab = this.#lab;
    const { origin, sybils, targets } = options;
    const half = Math.ceil(targets / 2);
    const stored = [...storeItems(lab, half, seconds(20)), ...storePeers(lab, targets - half, seconds(20))];
    const gangs = stored.map((one) => this.#gangFor(one, options));
    for (const gang of gangs) assert(gang.size === sybils, "as many as were wanted");
    for (let round = 0; round < 2; round += 1) {
      for (const gang of gangs) gang.greet(greetings, "all");
      lab.runFor(greetings.within + settleTime);
    }
    const sought = seek(lab, lab.pickNodes(options.lookups), stored, seconds(60));
    for (const gang of gangs) gang.leave();
    lab.runFor(restTime);
    return {
      origin,
      sybils,
      targets,
      found: tallyOf(sought.map(({ found }) => found)),
      lost: stored.filter((one) => sought.every((seeking) => seeking.one !== one || !seeking.found)).length,
    };
  }

  #gangFor({ key }: Stored, { origin, sybils }: { readonly origin: Origin; readonly sybils: number }): Gang {
    const gang = new Gang(this.#lab);
    if (origin === "one /24") gang.enlist(recruitsOfOneSubnet(this.#lab, key, sybils));
    else {
      this.#landlord ??= new Landlord(this.#lab, 20);
      gang.enlist(must(this.#landlord, "made just now").recruits(key, sybils));
    }
    return gang;
  }
}

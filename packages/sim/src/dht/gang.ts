import { type Address, type Ms, must } from "@dure/base";
import type { DhtKey } from "@dure/protocol";
import type { DhtLab } from "./dht-lab.ts";
import type { LabNode } from "./lab-node.ts";
import { Neighbours } from "./neighbours.ts";
import { Sybil } from "./sybil.ts";

/** How many honest nodes each Sybil makes itself known to. */
export interface Greetings {
  /** Of those nearest to its own id: they have room for it. */
  readonly near: number;
  /** Of all. */
  readonly anywhere: number;
  readonly within: Ms;
}

/** Sybils that know one another, and all honest nodes, and work together. */
export class Gang {
  readonly #lab: DhtLab;
  readonly #crew = new Neighbours<Sybil>();
  readonly #members: Sybil[] = []; // bounded by the scenario
  #greeted = 0;

  constructor(lab: DhtLab) {
    this.#lab = lab;
  }

  get size(): number {
    return this.#members.length;
  }

  enlist(recruits: readonly { readonly id: DhtKey; readonly address: Address }[]): void {
    const { net } = this.#lab;
    const crew = this.#crew;
    const added = recruits.map(({ id, address }) => new Sybil({ id, place: net.place(address), crew, net }));
    this.#members.push(...added);
    crew.add(added);
  }

  /** Those who joined since the last time greet, spread over the time; or all of them. */
  greet({ near, anywhere, within }: Greetings, who: "new" | "all" = "new"): void {
    const { clock, prng, nodes } = this.#lab;
    const honest = new Neighbours<LabNode>(nodes);
    const greeting = who === "all" ? this.#members : this.#members.slice(this.#greeted);
    this.#greeted = this.#members.length;
    for (const member of greeting) {
      const met = honest.closest(member.id, near);
      for (let count = 0; count < anywhere; count += 1) met.push(must(prng.pick(nodes), "somebody is there"));
      for (const { address } of met)
        clock.after(within * prng.float(), () => member.greet(address, prng.bytes(20)));
    }
  }

  leave(): void {
    for (const member of this.#members) member.leave();
    this.#members.length = 0;
    this.#greeted = 0;
  }
}

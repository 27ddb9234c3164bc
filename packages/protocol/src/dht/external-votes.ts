import { type Address, BoundedMap, type Family, ipScope, parseIp } from "@dure/base";

/** Votes kept, one a part of the network. The oldest goes. */
const votesMax = 64;
/** Agreeing votes that decide. */
const votesToDecide = 5;

/**
 * What nodes tell us of our address (`ip`, BEP 42). One node cannot be trusted, nor can many neighbours of one:
 * each /16 (IPv4) or /32 (IPv6) has one vote, and more than half of all votes must agree.
 */
export class ExternalVotes {
  readonly #votes = new BoundedMap<string, string>({ max: votesMax, full: "drop-oldest" });
  readonly #family: Family;

  constructor(family: Family) {
    this.#family = family;
  }

  /** The address most agree on, if this vote leaves enough of them. */
  add(voter: Address, seenAs: Address): string | undefined {
    if (ipScope(seenAs.ip) !== "global" || ipScope(voter.ip) !== "global") return undefined;
    if (seenAs.ip.includes(":") !== (this.#family === 6)) return undefined;
    const place =
      parseIp(voter.ip)
        ?.subarray(0, this.#family === 4 ? 2 : 4)
        .join(".") ?? "";
    this.#votes.delete(place); // the newest vote of a place counts, and as the newest
    this.#votes.set(place, seenAs.ip);
    let agreeing = 0;
    for (const ip of this.#votes.values()) if (ip === seenAs.ip) agreeing += 1;
    return agreeing >= votesToDecide && agreeing * 2 > this.#votes.size ? seenAs.ip : undefined;
  }

  forget(): void {
    this.#votes.clear();
  }
}

import { canonicalIp, type Family, fail, familyOf, ok, type Result } from "@dure/base";
import type { HttpFailure } from "@dure/carrier";
import { lookupFailure } from "./reasons.ts";

/** All addresses of a name in one family; rejects as `dns.lookup` does. */
export type LookupFunction = (host: string, family: Family) => Promise<readonly string[]>;

export interface ResolverLimits {
  readonly parallelMax: number;
  readonly waitingMax: number;
  readonly wait: number;
}

// Eight keep the few lookup threads busy. A thousand waiting names are a start with many torrents; more are refused.
const limitsDefault: ResolverLimits = { parallelMax: 8, waitingMax: 1024, wait: 10_000 };
/** A name with more addresses than this gains nothing by them. */
const addressesMax = 32;

/** Names to addresses, a few at a time, each answered in bounded time even when the system's resolver hangs. */
export class Resolver {
  readonly #lookup: LookupFunction;
  readonly #limits: ResolverLimits;
  readonly #waiting = new Set<() => void>(); // oldest first; at most waitingMax: more are refused
  #running = 0;

  constructor(lookup: LookupFunction, limits: Partial<ResolverLimits> = {}) {
    this.#lookup = lookup;
    this.#limits = { ...limitsDefault, ...limits };
  }

  resolve(host: string, family: Family): Promise<Result<readonly string[], HttpFailure>> {
    const literal = canonicalIp(host.replace(/^\[(.*)\]$/, "$1"));
    if (literal !== undefined) {
      return Promise.resolve(familyOf(literal) === family ? ok([literal]) : fail("no-address"));
    }
    if (!isName(host)) return Promise.resolve(fail("name-not-found"));
    if (this.#waiting.size >= this.#limits.waitingMax) return Promise.resolve(fail("other"));
    return new Promise((resolve) => {
      const start = async () => {
        this.#running += 1;
        const answer = await this.#ask(host, family);
        this.#running -= 1; // not before: a hanging lookup holds a thread whether or not anyone waits for it
        clearTimeout(timer);
        resolve(answer);
        this.#next();
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(start);
        resolve(fail("timeout"));
      }, this.#limits.wait);
      this.#waiting.add(start);
      this.#next();
    });
  }

  #next(): void {
    if (this.#running >= this.#limits.parallelMax) return;
    for (const start of this.#waiting) {
      this.#waiting.delete(start);
      return start();
    }
  }

  async #ask(host: string, family: Family): Promise<Result<readonly string[], HttpFailure>> {
    try {
      const found = await this.#lookup(host, family);
      const ips = found
        .slice(0, addressesMax)
        .map((ip) => canonicalIp(ip.replace(/%.*$/, "")))
        .filter((ip) => ip !== undefined && familyOf(ip) === family)
        .filter((ip) => ip !== undefined);
      return ips.length === 0 ? fail("no-address") : ok([...new Set(ips)]);
    } catch (error) {
      return fail(lookupFailure(error));
    }
  }
}

/** RFC 1035 sizes; letters, digits, hyphens, and the underscores some people use. RFC 7686: .onion never meets DNS. */
function isName(host: string): boolean {
  if (host.length === 0 || host.length > 254 || /\.onion\.?$/i.test(host)) return false;
  return /^[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?$/i.test(host);
}

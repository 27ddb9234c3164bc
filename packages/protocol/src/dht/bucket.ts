import type { CompactNode } from "./compact-node.ts";
import { type Contact, failuresToReplace } from "./contact.ts";

/** Waiting nodes a bucket; the one not heard of for longest goes when another comes. */
const sparesMax = 8;

/**
 * The first buckets are wider: half of all lookups begin in the first, and more nodes there bring them closer to the
 * target at the first step. Later ones hold k = 8 (BEP 5).
 */
export function bucketMax(sharedBits: number): number {
  return sharedBits < 4 ? 128 >>> sharedBits : 8;
}

/** Nodes that share exactly so many bits with our id. */
export class Bucket {
  readonly live: Contact[] = []; // bounded by liveMax
  readonly #spares: Contact[] = []; // bounded by sparesMax, the one heard of last at the end
  readonly #liveMax: number;

  constructor(liveMax: number) {
    this.#liveMax = liveMax;
  }

  get full(): boolean {
    return this.live.length >= this.#liveMax;
  }

  *all(): IterableIterator<Contact> {
    yield* this.live;
    yield* this.#spares;
  }

  findSubnet(node: CompactNode): Contact | undefined {
    const same = (contact: Contact) => contact.node.sameSubnet(node);
    return this.live.find(same) ?? this.#spares.find(same);
  }

  /** Whether a node that answers could become live here. */
  hasRoom(): boolean {
    return !this.full || this.hasBad();
  }

  /** Whether a live node has left too many queries unanswered. */
  hasBad(): boolean {
    return this.live.some((contact) => contact.failures >= failuresToReplace);
  }

  /** Takes the contact in, live or waiting. What had to go for it is returned: out of the table altogether. */
  add(contact: Contact, preferSecure: boolean): Contact | undefined {
    if (!this.full) {
      this.live.push(contact);
      return undefined;
    }
    const bad = worst(this.live.filter((live) => live.failures >= failuresToReplace));
    if (bad !== undefined) {
      this.live[this.live.indexOf(bad)] = contact;
      return bad;
    }
    const insecure = preferSecure && contact.secure ? this.live.find((live) => !live.secure) : undefined;
    if (insecure === undefined) return this.#wait(contact);
    this.live[this.live.indexOf(insecure)] = contact;
    return this.#wait(insecure);
  }

  remove(contact: Contact): void {
    const spare = this.#spares.indexOf(contact);
    if (spare >= 0) this.#spares.splice(spare, 1);
    const live = this.live.indexOf(contact);
    if (live < 0) return;
    this.live.splice(live, 1);
    this.#promote();
  }

  /** The contact left a query unanswered: somebody who waits may take its place. True when it is out. */
  replaceBad(contact: Contact): boolean {
    const place = this.live.indexOf(contact);
    if (place < 0 || this.#spares.length === 0) return false;
    this.live.splice(place, 1);
    this.#promote();
    return true;
  }

  #wait(contact: Contact): Contact | undefined {
    this.#spares.push(contact);
    return this.#spares.length > sparesMax ? this.#spares.shift() : undefined;
  }

  // The one heard of last is the likeliest to be alive; ids that fit their address go first.
  #promote(): void {
    const secure = this.#spares.findLastIndex((spare) => spare.secure);
    const chosen = this.#spares.splice(secure >= 0 ? secure : this.#spares.length - 1, 1);
    this.live.push(...chosen);
  }
}

function worst(contacts: readonly Contact[]): Contact | undefined {
  let found: Contact | undefined;
  for (const contact of contacts) {
    if (found === undefined || contact.failures > found.failures) found = contact;
  }
  return found;
}

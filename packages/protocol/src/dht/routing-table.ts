import { type Address, at, formatAddress, type Ms } from "@dure/base";
import type { DhtKey } from "../krpc/index.ts";
import { Bucket, bucketMax } from "./bucket.ts";
import type { CompactNode } from "./compact-node.ts";
import { Contact, failuresToDrop, failuresToReplace, goodFor, never } from "./contact.ts";
import { compareDistance, equalKeys, keyBits, prefixOf, sharedBits } from "./distance.ts";
import { Nearest } from "./nearest.ts";

/** A silent node is not asked again before this. */
const retryWait = 20_000;
/** With fewer live nodes than k, a bucket is to be filled. The rest of wide ones fills by itself. */
const thinBelow = 8;

export interface RoutingTableOptions {
  readonly ownId: DhtKey;
  /** One IP in the table, one /24 or /64 in a bucket. */
  readonly subnetLimits: boolean;
  /** Whether those limits hold for loopback and private addresses too. */
  readonly countLocal: boolean;
  /** Whether a node's id fits its address (BEP 42), or needs not to. */
  readonly isSecure: (node: CompactNode) => boolean;
  readonly secureIds: "off" | "prefer" | "enforce";
}

/**
 * The nodes we know, in buckets by how many leading bits their id shares with ours (BEP 5).
 *
 * - In it are only nodes that answered us; who merely asks, or is named by others, is not.
 * - Live nodes are never pushed out by newcomers, except by one whose id fits its address where theirs does not.
 * - One node an id, one an IP address; in a bucket one a subnet. Local addresses are exempt unless counted.
 */
export class RoutingTable {
  readonly #options: RoutingTableOptions;
  readonly #buckets: (Bucket | undefined)[] = []; // at most 160
  readonly #byPlace = new Map<string, Contact>(); // as many as the buckets hold
  readonly #nearest: Nearest;
  #told = new Uint8Array(0); // as long as the longest answer
  #ownId: DhtKey;
  #size = 0;

  constructor(options: RoutingTableOptions) {
    this.#options = options;
    this.#ownId = options.ownId;
    this.#nearest = new Nearest(this.#buckets);
  }

  get ownId(): DhtKey {
    return this.#ownId;
  }

  /** Live nodes. */
  get size(): number {
    return this.#size;
  }

  find(id: DhtKey): Contact | undefined {
    const bucket = this.#buckets[sharedBits(this.#ownId, id)];
    return bucket === undefined ? undefined : findLive(bucket, id);
  }

  /** Whether the node, should it answer, would come in. */
  wants(node: CompactNode): boolean {
    const shared = sharedBits(this.#ownId, node.compact);
    if (shared === keyBits || this.#byPlace.has(this.#placeOf(node))) return false;
    if (this.#options.secureIds === "enforce" && !this.#options.isSecure(node)) return false;
    const bucket = this.#buckets[shared];
    if (bucket === undefined) return true;
    return bucket.hasRoom() && findLive(bucket, node.compact) === undefined && !this.#crowds(bucket, node);
  }

  /** The node answered a query of ours. */
  answered(now: Ms, node: CompactNode): void {
    this.#heard(node, now);
  }

  /** From the last life: it goes in, but is told to nobody before it has answered. */
  restore(node: CompactNode): void {
    if (this.wants(node)) this.#heard(node, never);
  }

  /** A query of a node that has answered us before shows that it lives (BEP 5). True when it is in the table. */
  queried(now: Ms, id: DhtKey, from: Address): boolean {
    const contact = this.find(id);
    if (contact === undefined) return false;
    const address = contact.node.address;
    if (address.ip !== from.ip || address.port !== from.port) return false;
    if (contact.lastHeard !== never) contact.lastHeard = now;
    return true;
  }

  /** Whether who is at this address has answered us since the start: no forged source, then. */
  knows(address: Address): boolean {
    const contact = this.#byPlace.get(address.ip) ?? this.#byPlace.get(formatAddress(address));
    return contact !== undefined && contact.lastHeard !== never && contact.node.port === address.port;
  }

  asked(now: Ms, node: CompactNode): void {
    const contact = this.#byPlace.get(this.#placeOf(node));
    if (contact !== undefined) contact.lastAsked = now;
  }

  /** The node left a query unanswered. */
  failed(node: CompactNode): void {
    const contact = this.#byPlace.get(this.#placeOf(node));
    if (contact === undefined || !equalKeys(contact.node.compact, node.compact)) return;
    contact.failures += 1;
    if (contact.failures < failuresToReplace) return;
    const bucket = this.#bucketOf(contact.node);
    const out = contact.failures >= failuresToDrop || !bucket.live.includes(contact);
    if (out) this.#remove(contact);
    else if (bucket.replaceBad(contact)) this.#byPlace.delete(this.#placeOf(contact.node));
  }

  /** Another node answers where this one should be, or this one lied: out at once. */
  evict(node: CompactNode): void {
    const contact = this.#byPlace.get(this.#placeOf(node));
    if (contact !== undefined && equalKeys(contact.node.compact, node.compact)) this.#remove(contact);
  }

  /** The live nodes closest to a key, closest first, for lookups of our own: those that were silent twice are left out. */
  closest(target: DhtKey, count: number): CompactNode[] {
    const picked = this.#nearest.pick(this.#ownId, { target, count, tellable: false });
    return picked.map((contact) => contact.node);
  }

  /** The same as compact node info, of nodes that may be told to others. Read it now: the next call writes there again. */
  closestCompact(target: DhtKey, count: number): Uint8Array {
    const picked = this.#nearest.pick(this.#ownId, { target, count, tellable: true });
    const size = picked[0]?.node.compact.length ?? 0;
    const length = picked.length * size;
    // Memory of its own for each answer would cost more than all the rest of the answer.
    if (this.#told.length < length) this.#told = new Uint8Array(length);
    for (let index = 0; index < picked.length; index += 1)
      this.#told.set(at(picked, index).node.compact, index * size);
    return this.#told.subarray(0, length);
  }

  /** Of the nodes we are not sure of, the one neither heard nor asked for longest; or when one will be doubtful next. */
  stalest(now: Ms): { readonly contact: Contact | undefined; readonly nextAt: number } {
    let contact: Contact | undefined;
    let nextAt = Number.POSITIVE_INFINITY;
    for (const bucket of this.#buckets) {
      if (bucket === undefined) continue;
      for (const live of bucket.live) {
        const at = doubtfulAt(live);
        if (at > now) nextAt = Math.min(nextAt, at);
        else if (contact === undefined || touchedAt(live) < touchedAt(contact)) contact = live;
      }
    }
    return { contact, nextAt };
  }

  counts(now: Ms): {
    readonly nodes: number;
    readonly goodNodes: number;
    readonly buckets: readonly number[];
  } {
    let goodNodes = 0;
    for (const contact of this.#live()) if (contact.standing(now) === "good") goodNodes += 1;
    const buckets = Array.from(this.#buckets, (bucket) => bucket?.live.length ?? 0);
    return { nodes: this.#size, goodNodes, buckets };
  }

  /** Whether the node's bucket holds too few live ones to be useful. */
  isThinFor(node: CompactNode): boolean {
    const bucket = this.#buckets[sharedBits(this.#ownId, node.compact)];
    return bucket === undefined || bucket.live.length < thinBelow || bucket.hasBad();
  }

  /** Live nodes to keep over a restart, those heard of last first. */
  snapshot(): CompactNode[] {
    const contacts = [...this.#live()].filter((contact) => contact.failures < failuresToReplace);
    contacts.sort(
      (a, b) =>
        compareNumbers(b.lastHeard, a.lastHeard) ||
        compareDistance(this.#ownId, a.node.compact, b.node.compact),
    );
    return contacts.map((contact) => contact.node);
  }

  /** The same nodes seen from another id (BEP 42: ours moved). */
  moveTo(ownId: DhtKey): void {
    const contacts = this.#buckets.flatMap((bucket) => (bucket === undefined ? [] : [...bucket.all()]));
    this.#buckets.length = 0;
    this.#byPlace.clear();
    this.#size = 0;
    this.#ownId = ownId;
    for (const contact of contacts) if (this.wants(contact.node)) this.#insert(contact);
  }

  /** The network changed: silence until now says nothing, and neither does life. */
  doubtAll(): void {
    for (const contact of this.#live()) {
      contact.failures = 0;
      contact.lastHeard = never;
      contact.lastAsked = never;
    }
  }

  #heard(node: CompactNode, at: number): void {
    const place = this.#placeOf(node);
    const there = this.#byPlace.get(place);
    if (there !== undefined) {
      if (equalKeys(there.node.compact, node.compact) && there.node.port === node.port)
        return refresh(there, at);
      // One IP, one node: the first stays while it answers. Unless it is the same socket under a new id.
      const sameSocket = formatAddress(there.node.address) === formatAddress(node.address);
      if (!sameSocket && there.failures === 0) return;
      this.#remove(there);
    }
    const shared = sharedBits(this.#ownId, node.compact);
    if (shared === keyBits) return;
    const secure = this.#options.isSecure(node);
    if (this.#options.secureIds === "enforce" && !secure) return;
    const bucket = this.#buckets[shared];
    const sameId =
      bucket && [...bucket.all()].find((contact) => equalKeys(contact.node.compact, node.compact));
    if (sameId !== undefined) {
      // An id seen at a new address: it moved, or it is being impersonated. The one we know stays while it answers.
      if (sameId.failures === 0) return;
      this.#remove(sameId);
    }
    if (bucket !== undefined && this.#crowds(bucket, node)) return;
    this.#insert(new Contact(node, { secure, lastHeard: at }));
  }

  #insert(contact: Contact): void {
    const bucket = this.#bucketOf(contact.node);
    const before = bucket.live.length;
    const gone = bucket.add(contact, this.#options.secureIds !== "off");
    this.#size += bucket.live.length - before;
    this.#byPlace.set(this.#placeOf(contact.node), contact);
    if (gone !== undefined) this.#byPlace.delete(this.#placeOf(gone.node));
  }

  #remove(contact: Contact): void {
    const bucket = this.#bucketOf(contact.node);
    const before = bucket.live.length;
    bucket.remove(contact);
    this.#size += bucket.live.length - before;
    this.#byPlace.delete(this.#placeOf(contact.node));
  }

  #bucketOf(node: CompactNode): Bucket {
    const shared = sharedBits(this.#ownId, node.compact);
    let bucket = this.#buckets[shared];
    if (bucket === undefined) {
      bucket = new Bucket(bucketMax(shared));
      this.#buckets[shared] = bucket;
    }
    return bucket;
  }

  #crowds(bucket: Bucket, node: CompactNode): boolean {
    return this.#isLimited(node) && bucket.findSubnet(node) !== undefined;
  }

  #isLimited(node: CompactNode): boolean {
    return this.#options.subnetLimits && (this.#options.countLocal || node.reach === "global");
  }

  // What one node may hold only once.
  #placeOf(node: CompactNode): string {
    return this.#isLimited(node) ? node.address.ip : formatAddress(node.address);
  }

  *#live(): IterableIterator<Contact> {
    for (const bucket of this.#buckets) if (bucket !== undefined) yield* bucket.live;
  }
}

function findLive(bucket: Bucket, id: Uint8Array): Contact | undefined {
  const prefix = prefixOf(id);
  for (const contact of bucket.live) {
    if (contact.prefix === prefix && equalKeys(contact.node.compact, id)) return contact;
  }
  return undefined;
}

function refresh(contact: Contact, at: number): void {
  contact.failures = 0;
  contact.lastHeard = Math.max(contact.lastHeard, at);
}

// When it may be asked whether it lives: not while it is good, nor just after it was asked.
function doubtfulAt(contact: Contact): number {
  const quietAt = contact.failures === 0 ? contact.lastHeard + goodFor : contact.lastHeard;
  return Math.max(quietAt, contact.lastAsked + retryWait);
}

function touchedAt(contact: Contact): number {
  return Math.max(contact.lastHeard, contact.lastAsked);
}

// Not a difference: two that were never heard of are equal, and their difference is not a number.
function compareNumbers(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

import { type Address, formatAddress, type Ms, ms } from "@dure/base";
import type { BlockSpan, Info } from "@dure/protocol";
import type { LinkId, Torrent, TorrentInput, TorrentOutput } from "../torrent/index.ts";
import { haveOf, idOf, type TorrentShape, torrentOf } from "./torrents.ts";

export interface LabNodeShape extends TorrentShape {
  /** Payload bytes a second that it can send. */
  readonly upBytesPerSecond?: number;
}

interface End {
  readonly node: LabNode;
  readonly link: LinkId;
  closed: boolean;
  /** Nothing overtakes what was sent before. */
  busyUntil: number;
}

export interface LabNode {
  readonly name: string;
  readonly address: Address;
  readonly torrent: Torrent;
  readonly upBytesPerSecond: number;
  upFreeAt: number;
  readonly ends: Map<LinkId, { own: End; other: End }>;
  readonly done: { at: number | undefined };
  readonly closings: string[];
}

interface Happening {
  readonly at: number;
  readonly order: number;
  readonly act: () => void;
}

/**
 * Torrents joined back to back on virtual time: messages and blocks take a latency and the sender's bandwidth, no
 * payload is moved, and every piece is right.
 */
export class Lab {
  now: Ms = ms(0);
  readonly nodes: LabNode[] = [];
  readonly #info: Info;
  readonly #latency: number;
  #happenings: Happening[] = [];
  #order = 0;
  #links = 0;

  constructor(info: Info, latency = 10) {
    this.#info = info;
    this.#latency = latency;
  }

  add(name: string, shape: LabNodeShape = {}): LabNode {
    const node: LabNode = {
      name,
      address: { ip: `198.51.100.${this.nodes.length + 1}`, port: 6881 },
      torrent: torrentOf(this.#info, { ...shape, name, seed: this.nodes.length + 1 }),
      upBytesPerSecond: shape.upBytesPerSecond ?? 10e6,
      upFreeAt: 0,
      ends: new Map(),
      done: { at: undefined },
      closings: [],
    };
    this.nodes.push(node);
    this.tell(node, { type: "start" });
    return node;
  }

  /** `from` is told of `to`, and dials it. */
  introduce(from: LabNode, ...to: readonly LabNode[]): void {
    this.tell(from, { type: "add-peers", addresses: to.map(({ address }) => address), source: "user" });
  }

  tell(node: LabNode, input: TorrentInput): void {
    node.torrent.handle(this.now, input);
    this.#drain(node);
  }

  run(duration: number, each?: () => void): void {
    const until = this.now + duration;
    for (;;) {
      const due = this.#nextDue();
      if (due > until) break;
      this.now = ms(Math.max(this.now, due));
      this.#turn();
      each?.();
    }
    this.now = ms(until);
  }

  #nextDue(): number {
    let due = this.#happenings[0]?.at ?? Number.POSITIVE_INFINITY;
    for (const { torrent } of this.nodes) due = Math.min(due, torrent.deadline() ?? due);
    return due;
  }

  #turn(): void {
    while ((this.#happenings[0]?.at ?? Number.POSITIVE_INFINITY) <= this.now) this.#happenings.shift()?.act();
    for (const node of this.nodes) {
      const due = node.torrent.deadline();
      if (due !== undefined && due <= this.now) this.tell(node, { type: "wake" });
    }
  }

  #later(at: number, act: () => void): void {
    this.#order += 1;
    const happening = { at, order: this.#order, act };
    let low = 0;
    let high = this.#happenings.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = this.#happenings[middle];
      if (other !== undefined && other.at <= at) low = middle + 1;
      else high = middle;
    }
    this.#happenings.splice(low, 0, happening);
  }

  #drain(node: LabNode): void {
    for (let output = node.torrent.poll(); output !== undefined; output = node.torrent.poll())
      this.#carryOut(node, output);
  }

  #carryOut(node: LabNode, output: TorrentOutput): void {
    switch (output.type) {
      case "connect":
        return this.#dial(node, output.address);
      case "send":
        return this.#deliver(node, output.link, this.now, (end) => {
          this.tell(end.node, { type: "message", link: end.link, message: output.message });
          end.node.torrent.pump(this.now, end.link);
          this.#drain(end.node);
        });
      case "serve":
        return this.#serve(node, output.link, output.span);
      case "close":
        node.closings.push(output.reason);
        return this.#close(node, output.link);
      case "verify":
        return this.#later(this.now + 1, () => {
          const count = node.torrent.ready?.picker.blockCount(output.piece) ?? 0;
          const blocks = output.blocks ? new Uint8Array(count * 20) : null;
          this.tell(node, { type: "verified", piece: output.piece, good: true, blocks });
        });
      case "complete":
        node.done.at ??= this.now;
        return;
      case "metadata": {
        const ready = { info: this.#info, have: haveOf(this.#info, []), partial: [], files: undefined };
        return this.#later(this.now, () => {
          node.torrent.setReady(this.now, ready);
          this.#drain(node);
        });
      }
      default:
        return;
    }
  }

  #dial(node: LabNode, address: Address): void {
    const target = this.nodes.find((other) => formatAddress(other.address) === formatAddress(address));
    this.#later(this.now + 2 * this.#latency, () => {
      if (target === undefined)
        return this.tell(node, { type: "connect-failed", address, reason: "refused" });
      this.#links += 2;
      const own: End = { node, link: this.#links, closed: false, busyUntil: 0 };
      const other: End = { node: target, link: this.#links + 1, closed: false, busyUntil: 0 };
      node.ends.set(own.link, { own, other });
      target.ends.set(other.link, { own: other, other: own });
      const facts = { fast: true, extended: true };
      const from = { ip: node.address.ip, port: 40_000 + this.#links };
      this.tell(target, {
        type: "link-open",
        link: other.link,
        facts: { ...facts, address: from, incoming: true, peerId: idOf(node.name) },
      });
      this.tell(node, {
        type: "link-open",
        link: own.link,
        facts: { ...facts, address, incoming: false, peerId: idOf(target.name) },
      });
    });
  }

  #serve(node: LabNode, link: LinkId, span: BlockSpan): void {
    const leaves = Math.max(this.now, node.upFreeAt) + (span.length * 1000) / node.upBytesPerSecond;
    node.upFreeAt = leaves;
    this.#later(leaves, () => this.tell(node, { type: "served", link, bytes: span.length }));
    this.#deliver(node, link, leaves, (end) => {
      const expected = end.node.torrent.expects(end.link, span);
      this.tell(end.node, { type: expected ? "block" : "block-lost", link: end.link, span });
    });
  }

  #deliver(node: LabNode, link: LinkId, leaves: number, act: (end: End) => void): void {
    const pair = node.ends.get(link);
    if (pair === undefined) return;
    const at = Math.max(leaves + this.#latency, pair.own.busyUntil);
    pair.own.busyUntil = at;
    this.#later(at, () => {
      if (!pair.other.closed) act(pair.other);
    });
  }

  #close(node: LabNode, link: LinkId): void {
    const pair = node.ends.get(link);
    if (pair === undefined) return;
    node.ends.delete(link);
    pair.own.closed = true;
    this.#later(Math.max(this.now + this.#latency, pair.own.busyUntil), () => {
      if (pair.other.closed) return;
      pair.other.closed = true;
      pair.other.node.ends.delete(pair.other.link);
      this.tell(pair.other.node, { type: "link-closed", link: pair.other.link });
    });
  }
}

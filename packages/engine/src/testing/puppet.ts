import { type Ms, ms, seconds } from "@dure/base";
import { type BlockSpan, decodeExtensionHandshake, type PeerMessage, peerWireLimits } from "@dure/protocol";
import type { LinkFacts, Torrent, TorrentInput, TorrentOutput } from "../torrent/index.ts";
import { idOf } from "./torrents.ts";

const { blockBytes } = peerWireLimits;

/**
 * One torrent, and puppets in place of its peers: a test says what they say, and reads what they heard. Blocks arrive
 * at once and pieces are right, unless the test says otherwise. Lines begin with the puppet's name.
 */
export class Stage {
  now: Ms = ms(0);
  readonly torrent: Torrent;
  readonly puppets = new Map<number, Puppet>();
  /** Everything the torrent did, as text. */
  readonly lines: string[] = [];
  readonly outputs: TorrentOutput[] = [];
  /** What the disk makes of a whole piece; undefined: the answer is for the test to give. */
  verdict: ((piece: number) => boolean) | undefined = () => true;
  #links = 0;

  constructor(torrent: Torrent) {
    this.torrent = torrent;
    this.tell({ type: "start" });
    this.wake();
    this.lines.length = 0;
  }

  /** A peer whose handshake has arrived. */
  join(name: string, facts: Partial<LinkFacts> = {}): Puppet {
    this.#links += 1;
    const puppet = new Puppet(this, this.#links, name);
    this.puppets.set(puppet.link, puppet);
    const address = { ip: `192.0.2.${this.#links}`, port: 6881 };
    const full = { address, incoming: true, peerId: idOf(name), fast: true, extended: false, ...facts };
    this.tell({ type: "link-open", link: puppet.link, facts: full });
    return puppet;
  }

  tell(input: TorrentInput): void {
    this.torrent.handle(this.now, input);
    this.drain();
  }

  /** Time passes, second by second or deadline by deadline. */
  later(duration: Ms, each?: () => void): void {
    const until = this.now + duration;
    for (;;) {
      const due = this.torrent.deadline();
      if (due === undefined || due > until) break;
      this.now = ms(Math.max(this.now, due));
      this.wake();
      each?.();
    }
    this.now = ms(until);
  }

  wake(): void {
    this.tell({ type: "wake" });
  }

  drain(): void {
    for (let output = this.torrent.poll(); output !== undefined; output = this.torrent.poll()) {
      this.outputs.push(output);
      this.#carryOut(output);
    }
  }

  /** The lines since the last time, without those that match. */
  taken(...without: readonly RegExp[]): string[] {
    return this.lines.splice(0).filter((line) => !without.some((pattern) => pattern.test(line)));
  }

  #carryOut(output: TorrentOutput): void {
    switch (output.type) {
      case "send": {
        const puppet = this.puppets.get(output.link);
        if (puppet === undefined) throw new Error(`a message to the closed link ${output.link}`);
        puppet.hear(output.message);
        return;
      }
      case "serve": {
        const puppet = this.puppets.get(output.link);
        if (puppet === undefined) throw new Error(`a block for the closed link ${output.link}`);
        this.lines.push(`${puppet.name} < block ${textOf(output.span)}`);
        puppet.serving.push(output.span);
        return;
      }
      case "close": {
        const puppet = this.puppets.get(output.link);
        this.lines.push(`${puppet?.name ?? output.link} closed: ${output.reason}`);
        this.puppets.delete(output.link);
        if (puppet !== undefined) puppet.closed = output.reason;
        return;
      }
      case "verify": {
        this.lines.push(`verify ${output.piece}${output.blocks ? " by block" : ""}`);
        const good = this.verdict?.(output.piece);
        if (good === undefined) return;
        const { downloads } = this.torrent.ready ?? {};
        const count = downloads?.picker.blockCount(output.piece) ?? 0;
        const blocks = output.blocks ? this.digestsOf(output.piece, count) : null;
        return this.torrent.handle(this.now, { type: "verified", piece: output.piece, good, blocks });
      }
      case "connect":
        this.lines.push(`connect ${output.address.ip}`);
        return;
      case "banned":
        this.lines.push(`ban ${output.address.ip} for ${output.reason}`);
        return;
      case "good":
      case "bad":
        this.lines.push(`${output.type} ${output.piece}`);
        return;
      case "tracker":
        if (output.output.type !== "status") this.lines.push(`tracker ${output.output.type}`);
        return;
      default:
        this.lines.push(output.type);
    }
  }

  /** SHA-1s that differ where a liar's block lies. */
  digestsOf(piece: number, count: number): Uint8Array {
    const digests = new Uint8Array(count * 20);
    for (let block = 0; block < count; block += 1)
      digests.fill(this.spoilt.get(`${piece}/${block}`) ?? 1, block * 20, block * 20 + 20);
    return digests;
  }

  /** Blocks that are false, by their place; the value tells one lie from another. */
  readonly spoilt = new Map<string, number>();
}

export class Puppet {
  readonly link: number;
  readonly name: string;
  readonly #stage: Stage;
  /** What we were asked for and have not sent, oldest first. */
  readonly requests: BlockSpan[] = [];
  /** Blocks the torrent has been told to send us and that are on their way. */
  readonly serving: BlockSpan[] = [];
  closed: string | undefined;
  requestsHeard = 0;

  constructor(stage: Stage, link: number, name: string) {
    this.#stage = stage;
    this.link = link;
    this.name = name;
  }

  hear(message: PeerMessage): void {
    if (message.type === "request") {
      const { piece, begin, length } = message;
      this.requests.push({ piece, begin, length });
      this.requestsHeard += 1;
    }
    if (message.type === "cancel") this.#forget(message);
    this.#stage.lines.push(`${this.name} < ${messageText(message)}`);
  }

  say(...messages: readonly PeerMessage[]): this {
    for (const message of messages) {
      if (this.closed !== undefined) return this;
      this.#stage.torrent.handle(this.#stage.now, { type: "message", link: this.link, message });
      this.#stage.drain();
      this.#stage.torrent.pump(this.#stage.now, this.link);
      this.#stage.drain();
    }
    return this;
  }

  /** Sends the oldest `count` blocks that were asked for. Returns how many there were. */
  send(count = 1): number {
    let sent = 0;
    for (; sent < count && this.closed === undefined; sent += 1) {
      const span = this.requests.shift();
      if (span === undefined) break;
      this.sendBlock(span);
    }
    return sent;
  }

  /** True when the block was of use. */
  sendBlock(span: BlockSpan): boolean {
    const { torrent, now } = this.#stage;
    this.#forget(span);
    const expected = torrent.expects(this.link, span);
    this.#stage.tell({ type: expected ? "block" : "block-lost", link: this.link, span });
    if (this.#stage.now !== now) throw new Error("time stands still while a block arrives");
    return expected;
  }

  #forget(span: BlockSpan): void {
    const index = this.requests.findIndex((asked) => sameSpan(asked, span));
    if (index >= 0) this.requests.splice(index, 1);
  }

  /** What the torrent was told to send has left. */
  take(): number {
    const spans = this.serving.splice(0);
    for (const span of spans) this.#stage.tell({ type: "served", link: this.link, bytes: span.length });
    return spans.length;
  }

  leave(): void {
    this.#stage.puppets.delete(this.link);
    this.closed = "left";
    this.#stage.tell({ type: "link-closed", link: this.link });
  }
}

export const aWhile = seconds(5);

export function spanOf(piece: number, block = 0, length: number = blockBytes): BlockSpan {
  return { piece, begin: block * blockBytes, length };
}

function sameSpan(a: BlockSpan, b: BlockSpan): boolean {
  return a.piece === b.piece && a.begin === b.begin && a.length === b.length;
}

function textOf({ piece, begin }: BlockSpan): string {
  return `${piece}/${begin / blockBytes}`;
}

export function messageText(message: PeerMessage): string {
  switch (message.type) {
    case "request":
    case "cancel":
    case "reject":
      return `${message.type} ${textOf(message)}`;
    case "have":
    case "suggest":
    case "allowed-fast":
      return `${message.type} ${message.piece}`;
    case "bitfield":
      return `bitfield ${Array.from(message.bytes, (byte) => byte.toString(2).padStart(8, "0")).join(" ")}`;
    case "extended": {
      if (message.id !== 0) return `extended ${message.id}`;
      const decoded = decodeExtensionHandshake(message.payload);
      return `extension handshake${decoded.ok && decoded.value.uploadOnly === true ? ", upload only" : ""}`;
    }
    default:
      return message.type;
  }
}

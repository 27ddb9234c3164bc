import { type Address, assert, type PeerId, type Prng, peerId } from "@dure/base";
import type { NetEvent, SocketId } from "@dure/carrier";
import {
  type BlockSpan,
  encodeHandshake,
  Framer,
  type Info,
  MessageWriter,
  type PeerMessage,
} from "@dure/protocol";
import { type Host, type Network, SimNet } from "../net/index.ts";

/** What a script says to whoever is at the other end of a link. */
export interface ScriptLink {
  readonly socket: SocketId;
  say(message: PeerMessage): void;
  /** Any bytes at all. */
  raw(bytes: Uint8Array): void;
  close(): void;
}

/** How a peer behaves. Handshakes are made for it. */
export interface Script {
  opened?(link: ScriptLink): void;
  heard?(link: ScriptLink, message: PeerMessage): void;
  closed?(link: ScriptLink): void;
}

export interface ScriptedPeerOptions {
  readonly network: Network;
  readonly host: Host;
  readonly prng: Prng;
  readonly info: Info;
  readonly script: Script;
}

interface Open extends ScriptLink {
  readonly framer: Framer;
  greeted: boolean;
}

const port = 6881;

/** A small peer of its own that speaks the wire as a script says: whatever an engine would not do. */
export class ScriptedPeer {
  readonly host: Host;
  readonly #net: SimNet;
  readonly #options: ScriptedPeerOptions;
  readonly #links = new Map<SocketId, Open>(); // bounded by the net's sockets
  readonly #peerId: PeerId;
  #sockets = 0;

  constructor(options: ScriptedPeerOptions) {
    const { network, host, prng } = options;
    this.#options = options;
    this.host = host;
    const id = peerId(prng.bytes(20));
    assert(id !== undefined, "20 bytes are a peer id");
    this.#peerId = id;
    this.#net = new SimNet({ network, host, port, onEvent: (event) => this.#event(event) });
  }

  get address(): Address {
    return this.#net.address;
  }

  get linkCount(): number {
    return this.#links.size;
  }

  connect(remote: Address): void {
    this.#sockets += 2;
    this.#net.perform({ type: "tcp-connect", socket: this.#sockets, remote });
  }

  #event(event: NetEvent): void {
    switch (event.type) {
      case "tcp-incoming":
      case "tcp-open": {
        const link = this.#link(event.socket);
        if (event.type === "tcp-open") this.#greet(link);
        return;
      }
      case "tcp-data":
        return this.#data(event.socket, event.bytes);
      case "tcp-closed": {
        const link = this.#links.get(event.socket);
        this.#links.delete(event.socket);
        if (link !== undefined) this.#options.script.closed?.(link);
        return;
      }
      default:
        return;
    }
  }

  #data(socket: SocketId, bytes: Uint8Array): void {
    const link = this.#links.get(socket);
    if (link === undefined) return;
    const { script } = this.#options;
    link.framer.feed(bytes);
    for (let event = link.framer.next(); event !== undefined; event = link.framer.next()) {
      if (event.type === "handshake") {
        this.#greet(link);
        script.opened?.(link);
      } else if (event.type === "message") script.heard?.(link, event.message);
      if (!this.#links.has(socket)) return;
    }
  }

  #greet(link: Open): void {
    if (link.greeted) return;
    link.greeted = true;
    const { infoHash } = this.#options.info;
    link.raw(encodeHandshake({ infoHash, peerId: this.#peerId, extended: false, fast: true }));
  }

  #link(socket: SocketId): Open {
    const link: Open = {
      socket,
      framer: new Framer(),
      greeted: false,
      raw: (bytes) => this.#net.perform({ type: "tcp-write", socket, bytes }),
      say: (message) => {
        const writer = new MessageWriter();
        writer.message(message);
        link.raw(writer.take());
      },
      close: () => {
        this.#links.delete(socket);
        this.#net.perform({ type: "tcp-close", socket });
      },
    };
    this.#links.set(socket, link);
    return link;
  }
}

/** A piece message of which only the first `bytes` bytes of the block are sent. */
export function partOfBlock(span: BlockSpan, bytes: Uint8Array): Uint8Array {
  const message = new Uint8Array(13 + bytes.length);
  const view = new DataView(message.buffer);
  view.setUint32(0, 9 + span.length);
  view.setUint8(4, 7);
  view.setUint32(5, span.piece);
  view.setUint32(9, span.begin);
  message.set(bytes, 13);
  return message;
}

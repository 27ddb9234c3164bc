import type { Socket } from "node:net";
import { Bitfield, concat, fromLatin1, type InfoHash, infoHash, must, peerId } from "@dure/base";
import { encodeHandshake, encodeMessage, type PeerMessage } from "@dure/protocol";
import { encryptedScripts } from "./encrypted-scripts.ts";

/** What a script knows of its victim's torrent. */
export interface Prey {
  readonly infoHash: string;
  readonly pieceCount: number;
  readonly pieceBytes: number;
}

/** One hostile connection: what it says once it is connected. It ends when the socket does. */
export interface Script {
  readonly name: string;
  /** What the victim must do about it within the test; harmless ones may stay. */
  readonly fate: "dropped" | "harmless";
  readonly play: (line: Line) => Promise<void>;
}

/** A raw connection to a victim. */
export class Line {
  readonly socket: Socket;
  readonly prey: Prey;

  constructor(socket: Socket, prey: Prey) {
    this.socket = socket;
    this.prey = prey;
  }

  get open(): boolean {
    return !this.socket.destroyed && this.socket.writable;
  }

  send(...parts: readonly (Uint8Array | PeerMessage)[]): void {
    if (this.open)
      this.socket.write(concat(parts.map((part) => (isBytes(part) ? part : encodeMessage(part)))));
  }

  /** Again and again, as fast as the victim reads, until it hangs up. */
  async flood(...parts: readonly (Uint8Array | PeerMessage)[]): Promise<void> {
    const once = concat(parts.map((part) => (isBytes(part) ? part : encodeMessage(part))));
    const many = concat(new Array<Uint8Array>(Math.ceil(8192 / once.length)).fill(once));
    while (this.open) {
      if (!this.socket.write(many)) await this.drained();
      await pause(2); // one process plays them all: every script must get its turn
    }
  }

  greet(options: { hash?: InfoHash; fast?: boolean; extended?: boolean } = {}): void {
    const own = must(infoHash(this.prey.infoHash), "an info-hash");
    const { hash = own, fast = true, extended = true } = options;
    this.send(encodeHandshake({ infoHash: hash, peerId: randomId(), fast, extended }));
  }

  silence(): Promise<void> {
    return new Promise((resolve) => this.socket.once("close", () => resolve()));
  }

  drained(): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.socket.off("drain", done);
        this.socket.off("close", done);
        resolve();
      };
      this.socket.once("drain", done);
      this.socket.once("close", done);
    });
  }
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function isBytes(part: Uint8Array | PeerMessage): part is Uint8Array {
  return part instanceof Uint8Array;
}

function randomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(20));
  bytes.set(fromLatin1("-HO0001-"));
  return must(peerId(bytes), "20 bytes");
}

function uint32(value: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

function block(piece: number, begin: number, length = 16_384): Uint8Array {
  return concat([
    uint32(9 + length),
    Uint8Array.of(7),
    uint32(piece),
    uint32(begin),
    new Uint8Array(length).fill(0x66),
  ]);
}

const text = (bytes: string): Uint8Array => fromLatin1(bytes);
const all: PeerMessage = { type: "have-all" };
const unchoke: PeerMessage = { type: "unchoke" };
const interested: PeerMessage = { type: "interested" };
const firstBlock = { piece: 0, begin: 0, length: 16_384 };

function says(name: string, fate: Script["fate"], ...parts: readonly (Uint8Array | PeerMessage)[]): Script {
  return {
    name,
    fate,
    play: async (line) => {
      line.greet();
      line.send(...parts);
      await line.silence();
    },
  };
}

function floods(name: string, ...parts: readonly (Uint8Array | PeerMessage)[]): Script {
  return {
    name,
    fate: "dropped",
    play: (line) => {
      line.greet();
      return line.flood(...parts);
    },
  };
}

const fieldOf = (line: Line, extra: number) => new Uint8Array(Math.ceil(line.prey.pieceCount / 8) + extra);

export const scripts: readonly Script[] = [
  // ---- before the handshake
  { name: "a connection that says nothing", fate: "dropped", play: (line) => line.silence() },
  {
    name: "half a handshake, then silence",
    fate: "dropped",
    play: (line) => {
      line.send(text("\x13BitTorrent protocol\0\0\0\0\0\x10\0\x04"));
      return line.silence();
    },
  },
  {
    name: "a handshake at one byte a second",
    fate: "dropped",
    play: async (line) => {
      for (const byte of text("\x13BitTorrent protocol")) {
        if (!line.open) return;
        line.send(Uint8Array.of(byte));
        await pause(1000);
      }
      await line.silence();
    },
  },
  {
    name: "another protocol",
    fate: "dropped",
    play: (line) => {
      line.send(text("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"));
      return line.silence();
    },
  },
  {
    name: "a handshake for another torrent",
    fate: "dropped",
    play: (line) => {
      line.greet({ hash: must(infoHash("ee".repeat(20)), "a hash") });
      return line.silence();
    },
  },
  // ---- lengths
  says("a length prefix of two gigabytes", "dropped", uint32(0x7fff_ffff), Uint8Array.of(20)),
  says("a length prefix of four gigabytes", "dropped", uint32(0xffff_ffff), Uint8Array.of(7)),
  says("a block of 32 KiB", "dropped", all, unchoke, block(0, 0, 32_768)),
  says("a have of two bytes", "dropped", uint32(2), Uint8Array.of(4, 0)),
  says("a piece message without a place", "dropped", uint32(5), Uint8Array.of(7, 0, 0, 0, 0)),
  {
    name: "a megabyte that drips in",
    fate: "harmless",
    play: async (line) => {
      line.greet();
      line.send(uint32(1 << 20), Uint8Array.of(99));
      while (line.open) {
        line.send(new Uint8Array(100));
        await pause(1000);
      }
    },
  },
  // ---- what it claims to have
  ...(
    [
      ["short", -1],
      ["long", 1],
    ] as const
  ).map(
    ([name, extra]): Script => ({
      name: `a bitfield too ${name}`,
      fate: "dropped",
      play: (line) => {
        line.greet();
        line.send({ type: "bitfield", bytes: fieldOf(line, extra) });
        return line.silence();
      },
    }),
  ),
  {
    name: "a bitfield with spare bits",
    fate: "dropped",
    play: (line) => {
      line.greet();
      line.send({ type: "bitfield", bytes: fieldOf(line, 0).fill(0xff) });
      return line.silence();
    },
  },
  {
    name: "bitfields again and again",
    fate: "dropped",
    play: (line) => {
      line.greet();
      return line.flood(
        { type: "bitfield", bytes: Bitfield.full(line.prey.pieceCount).toBytes() },
        { type: "have-none" },
      );
    },
  },
  {
    name: "a have of a piece that is not",
    fate: "dropped",
    play: (line) => {
      line.greet();
      line.send({ type: "have", piece: line.prey.pieceCount });
      return line.silence();
    },
  },
  floods("the same have for ever", { type: "have", piece: 1 }),
  says("everything, and never a block", "harmless", all, unchoke),
  {
    name: "everything lost and found",
    fate: "dropped",
    play: (line) => {
      line.greet();
      return line.flood(all, { type: "extended", id: 2, payload: uint32(0) }, { type: "have", piece: 0 });
    },
  },
  // ---- what it asks for
  floods("requests while choked", { type: "request", ...firstBlock }),
  floods("requests out of range", interested, {
    type: "request",
    piece: 0xffff_ffff,
    begin: 0xffff_c000,
    length: 16_384,
  }),
  floods("requests of a megabyte", interested, { type: "request", piece: 0, begin: 0, length: 1 << 20 }),
  floods("requests of nothing", { type: "request", piece: 0, begin: 0, length: 0 }),
  {
    name: "requests whose answers are never read",
    fate: "dropped",
    play: async (line) => {
      line.socket.pause();
      line.greet();
      line.send(interested);
      for (let piece = 0; line.open; piece = (piece + 1) % line.prey.pieceCount) {
        line.send({ type: "request", piece, begin: 0, length: 16_384 });
        if (piece % 500 === 0) await pause(20);
      }
    },
  },
  floods("cancels of what was never asked", { type: "cancel", ...firstBlock }),
  floods("rejects of what was never asked", { type: "reject", ...firstBlock }),
  {
    name: "the allowed-fast pieces, for ever",
    fate: "dropped",
    play: async (line) => {
      const allowed: number[] = [];
      line.socket.on("data", (bytes: Buffer) => {
        for (let at = 0; at + 9 <= bytes.length; at += 1)
          if (bytes.readUInt32BE(at) === 5 && bytes[at + 4] === 17) allowed.push(bytes.readUInt32BE(at + 5));
      });
      line.greet();
      await pause(200);
      const pieces = allowed.length > 0 ? allowed : [0];
      while (line.open) {
        for (const piece of pieces) line.send({ type: "request", piece, begin: 0, length: 16_384 });
        await pause(5);
      }
    },
  },
  // ---- what it sends
  floods("blocks that nobody asked for", all, block(1, 0)),
  floods("blocks that begin anywhere", block(1, 7)),
  {
    name: "a block at one byte a second",
    fate: "harmless",
    play: async (line) => {
      line.greet();
      line.send(all, unchoke);
      let begun = false;
      line.socket.on("data", (bytes: Buffer) => {
        for (let at = 0; !begun && at + 17 <= bytes.length; at += 1) {
          if (bytes.readUInt32BE(at) !== 13 || bytes[at + 4] !== 6) continue;
          begun = true;
          line.send(uint32(9 + 16_384), Uint8Array.of(7), bytes.subarray(at + 5, at + 13));
        }
      });
      while (line.open) {
        await pause(1000);
        if (begun) line.send(Uint8Array.of(0));
      }
    },
  },
  {
    name: "a reject for each request",
    fate: "harmless",
    play: async (line) => {
      line.greet();
      line.send(all, unchoke);
      line.socket.on("data", (bytes: Buffer) => {
        for (let at = 0; at + 17 <= bytes.length; at += 1) {
          if (bytes.readUInt32BE(at) !== 13 || bytes[at + 4] !== 6) continue;
          line.send(uint32(13), Uint8Array.of(16), bytes.subarray(at + 5, at + 17));
        }
      });
      await line.silence();
    },
  },
  // ---- talk
  floods("chokes and unchokes", all, { type: "choke" }, unchoke),
  {
    name: "chokes and unchokes without the fast extension",
    fate: "dropped",
    play: (line) => {
      line.greet({ fast: false });
      line.send({ type: "bitfield", bytes: Bitfield.full(line.prey.pieceCount).toBytes() });
      return line.flood(unchoke, { type: "choke" });
    },
  },
  floods("interest that blinks", interested, { type: "not-interested" }),
  floods("keep-alives", { type: "keep-alive" }),
  floods("messages we do not know", { type: "unknown", id: 200 }),
  floods("suggestions", { type: "suggest", piece: 1 }),
  {
    name: "have-all without the fast extension",
    fate: "dropped",
    play: (line) => {
      line.greet({ fast: false });
      line.send(all);
      return line.silence();
    },
  },
  // ---- extensions
  says("an extension handshake a thousand lists deep", "dropped", {
    type: "extended",
    id: 0,
    payload: text(`d1:m${"l".repeat(1000)}`),
  }),
  floods("extension handshakes with a thousand names", {
    type: "extended",
    id: 0,
    payload: text(`d1:md${thousandNames()}ee`),
  }),
  says("an extension handshake that is no dictionary", "dropped", {
    type: "extended",
    id: 0,
    payload: text("i1e"),
  }),
  says("a metadata size of two gigabytes, and a queue of none", "harmless", all, unchoke, {
    type: "extended",
    id: 0,
    payload: text("d1:md11:ut_metadatai1ee13:metadata_sizei2147483648e4:reqqi0ee"),
  }),
  floods(
    "requests for metadata that is not there",
    { type: "extended", id: 0, payload: text("d1:md11:ut_metadatai1eee") },
    { type: "extended", id: 1, payload: text("d8:msg_typei0e5:piecei99999ee") },
  ),
  says("an upload-only of two bytes", "dropped", { type: "extended", id: 3, payload: new Uint8Array(2) }),
  floods("peer exchanges without end", { type: "extended", id: 4, payload: gossip(50) }),
  says("a peer exchange of a hundred thousand peers", "dropped", {
    type: "extended",
    id: 4,
    payload: gossip(100_000),
  }),
  ...encryptedScripts,
];

/** Peers on loopback addresses where nobody is: nothing leaves the machine should they be believed. */
function gossip(count: number): Uint8Array {
  const peers = Array.from({ length: count }, (_, index) =>
    Uint8Array.of(127, 77, index >>> 8, index & 0xff, 0x27, 0x0f),
  );
  return concat([text(`d5:added${6 * count}:`), ...peers, text("e")]);
}

function thousandNames(): string {
  return Array.from({ length: 1000 }, (_, index) => `8:x${String(index).padStart(7, "0")}i1e`).join("");
}

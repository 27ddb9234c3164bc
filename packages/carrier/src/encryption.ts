import type { InfoHash } from "@dure/base";
import { drawMseChance, MseIncoming, type MseMethod, MseOutgoing, TorrentMarks } from "@dure/protocol";
import type { Desk } from "./desk.ts";
import type { Link } from "./link.ts";

/**
 * `off`: plain connections only, both ways. `require`: only such whose payload is under RC4. `prefer`: both are accepted;
 * we connect plain, or encrypted where the peer is known to want it, and at once the other way when it hangs up on that.
 */
export type EncryptionMode = "prefer" | "require" | "off";

export interface EncryptionOptions {
  readonly mode: EncryptionMode;
  /** Fit for keys. */
  readonly random: (count: number) => Uint8Array;
}

// Where both sides can do without RC4 for the payload, it costs more than all the rest of the transfer: who insists on it
// offers nothing else.
const methods: Readonly<Record<EncryptionMode, readonly MseMethod[]>> = {
  prefer: ["plain", "rc4"],
  require: ["rc4"],
  off: [],
};

/** What to do next with a connection whose handshake is heard. */
export type Negotiated =
  | { readonly type: "more" }
  | { readonly type: "payload"; readonly bytes: Uint8Array }
  | { readonly type: "refused" };

/** Message stream encryption between the sockets and the links. */
export class Encryption {
  readonly mode: EncryptionMode;
  readonly #random: EncryptionOptions["random"] | undefined;
  readonly #marks = new TorrentMarks(); // bounded by the torrents

  constructor(options: EncryptionOptions | undefined) {
    this.mode = options?.mode ?? "off";
    this.#random = options?.random;
  }

  added(infoHash: InfoHash): void {
    if (this.mode !== "off") this.#marks.add(infoHash);
  }

  removed(infoHash: InfoHash): void {
    this.#marks.delete(infoHash);
  }

  /** How to connect first. */
  encryptsFirst(prefersEncryption: boolean | undefined): boolean {
    return this.mode === "require" || (this.mode === "prefer" && prefersEncryption === true);
  }

  /** A stranger has connected: it may speak either. */
  accept(link: Link): void {
    const random = this.#random;
    if (this.mode === "off" || random === undefined) return;
    link.negotiation = new MseIncoming({
      torrents: this.#marks,
      chance: () => drawMseChance(random),
      methods: methods[this.mode],
    });
  }

  /** A connection of ours is open, and is to be encrypted; `greeting` goes with it. */
  begin(desk: Desk, link: Link, infoHash: InfoHash, greeting: Uint8Array): void {
    const random = this.#random;
    if (random === undefined) return;
    link.negotiation = new MseOutgoing({
      infoHash,
      chance: drawMseChance(random),
      methods: methods[this.mode],
      initialPayload: greeting,
    });
    this.#advance(desk, link, link.negotiation);
  }

  hear(desk: Desk, link: Link, negotiation: MseIncoming | MseOutgoing, bytes: Uint8Array): Negotiated {
    negotiation.receive(bytes);
    return this.#advance(desk, link, negotiation);
  }

  #advance(desk: Desk, link: Link, negotiation: MseIncoming | MseOutgoing): Negotiated {
    for (let output = negotiation.poll(); output !== undefined; output = negotiation.poll()) {
      if (output.type === "send") {
        link.write(desk, output.bytes);
        continue;
      }
      link.negotiation = undefined;
      if (output.type === "failed" || (output.type === "plain" && this.mode === "require"))
        return { type: "refused" };
      if (output.type === "established") link.secure(output);
      return { type: "payload", bytes: output.rest };
    }
    return { type: "more" };
  }
}

/** As much of the peer protocol (BEP 3) as moves one file of whole pieces: messages out of a stream of bytes. */
export class BareWire {
  #buffer = Buffer.alloc(0);
  #shaken = false;
  readonly #hear: (message: BareMessage) => void;

  constructor(hear: (message: BareMessage) => void) {
    this.#hear = hear;
  }

  receive(bytes: Uint8Array): void {
    this.#buffer = Buffer.concat([this.#buffer, bytes]);
    if (!this.#shaken) {
      if (this.#buffer.length < 68) return;
      this.#shaken = true;
      this.#hear({ id: -1, body: this.#cut(68) });
    }
    while (this.#buffer.length >= 4 && this.#buffer.length >= 4 + this.#buffer.readUInt32BE()) {
      const body = this.#cut(4 + this.#buffer.readUInt32BE()).subarray(4);
      if (body.length > 0) this.#hear({ id: body[0] ?? 0, body: body.subarray(1) });
    }
  }

  #cut(bytes: number): Buffer {
    const part = this.#buffer.subarray(0, bytes);
    this.#buffer = this.#buffer.subarray(bytes);
    return part;
  }
}

export interface BareMessage {
  /** -1 is the handshake. */
  readonly id: number;
  readonly body: Buffer;
}

export const choke = 0;
export const unchoke = 1;
export const interested = 2;
export const bitfield = 5;
export const request = 6;
export const piece = 7;

export function handshake(infoHash: string): Buffer {
  const head = Buffer.from("\x13BitTorrent protocol\0\0\0\0\0\0\0\0", "latin1");
  return Buffer.concat([head, Buffer.from(infoHash, "hex"), Buffer.from("-DU0000-utp-interop0")]);
}

export function message(id: number, ...parts: readonly (number | Uint8Array)[]): Buffer {
  const body = Buffer.concat(
    parts.map((part) => {
      if (typeof part !== "number") return part;
      const number = Buffer.alloc(4);
      number.writeUInt32BE(part);
      return number;
    }),
  );
  const head = Buffer.alloc(5);
  head.writeUInt32BE(body.length + 1);
  head[4] = id;
  return Buffer.concat([head, body]);
}

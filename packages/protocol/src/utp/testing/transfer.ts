import { Prng } from "@dure/base";
import type { UtpCloseReason } from "../messages.ts";
import type { VirtualHost } from "./virtual-host.ts";

const chunkBytes = 16 * 1024;
const ahead = 64; // chunks a sender has written and not seen copied

/** One connection that carries a stream of bytes; the receiver checks each of them. */
export class Transfer {
  readonly #content: Uint8Array;
  readonly #total: number;
  #written = 0;
  #outstanding = 0;
  received = 0;
  wrong = 0;
  ended: UtpCloseReason | undefined;
  finishedAt: number | undefined;

  constructor(
    sender: VirtualHost,
    receiver: VirtualHost,
    options: { total: number; number?: number; seed?: number },
  ) {
    const number = options.number ?? 2;
    this.#total = options.total;
    this.#content = new Prng(options.seed ?? 1).bytes(65_521); // a prime: no two chunks are alike
    let incoming = -1;
    chain(receiver, (output) => {
      if (output.type === "incoming" && incoming < 0) incoming = output.connection;
      if (output.type === "data" && output.connection === incoming) {
        this.#check(output.bytes);
        receiver.handle({ type: "consumed", connection: incoming, bytes: output.bytes.length });
      }
      if (output.type === "closed" && output.connection === incoming) this.ended = output.reason;
    });
    chain(sender, (output) => {
      if (!("connection" in output) || output.connection !== number) return;
      if (output.type === "opened") this.#feed(sender, number);
      if (output.type === "closed") this.ended ??= output.reason;
      if (output.type !== "written") return;
      this.#outstanding -= output.count;
      this.#feed(sender, number);
    });
    sender.handle({ type: "connect", connection: number, remote: receiver.address });
  }

  #feed(sender: VirtualHost, connection: number): void {
    while (this.#outstanding < ahead && this.#written < this.#total) {
      const bytes = new Uint8Array(Math.min(chunkBytes, this.#total - this.#written));
      for (let index = 0; index < bytes.length; index += 1) bytes[index] = this.#byte(this.#written + index);
      this.#written += bytes.length;
      this.#outstanding += 1;
      sender.handle({ type: "write", connection, bytes, more: this.#written < this.#total });
      if (this.#written === this.#total) sender.handle({ type: "close", connection });
    }
  }

  #check(bytes: Uint8Array): void {
    for (let index = 0; index < bytes.length; index += 1) {
      if (bytes[index] !== this.#byte(this.received + index)) this.wrong += 1;
    }
    this.received += bytes.length;
  }

  #byte(offset: number): number {
    return this.#content[offset % this.#content.length] ?? 0;
  }
}

type Hear = VirtualHost["onOutput"];

function chain(host: VirtualHost, hear: Hear): void {
  const before = host.onOutput;
  host.onOutput = (output) => {
    before(output);
    hear(output);
  };
}

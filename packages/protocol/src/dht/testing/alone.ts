import { type Address, formatAddress, type Ms, ms, Prng } from "@dure/base";
import {
  decodeKrpc,
  encodeKrpc,
  type KrpcMessage,
  type KrpcQuery,
  type ResponseBody,
} from "../../krpc/index.ts";
import { Dht } from "../dht.ts";
import type { DhtInput, DhtOptions, DhtOutput } from "../messages.ts";

/** One node, and a test that plays the rest of the world. */
export class Alone {
  readonly dht: Dht;
  readonly outputs: DhtOutput[] = [];
  /** What was said and heard, one line each. */
  readonly transcript: string[] = [];
  now: Ms = ms(0);

  constructor(options: Partial<DhtOptions> = {}) {
    this.dht = new Dht({
      endpoints: [{ family: 4, id: Uint8Array.from({ length: 20 }, (_, index) => index) }],
      prng: new Prng(1),
      bootstrap: [],
      responder: { tokenSecret: new Uint8Array(16).fill(7) },
      ...options,
    });
  }

  input(input: DhtInput): DhtOutput[] {
    this.dht.handle(this.now, input);
    const outputs: DhtOutput[] = [];
    for (let output = this.dht.poll(); output !== undefined; output = this.dht.poll()) outputs.push(output);
    for (const output of outputs) this.transcript.push(this.#line(output));
    this.outputs.push(...outputs);
    return outputs;
  }

  /** Wakes the node whenever it wants to be woken. */
  runFor(duration: number): DhtOutput[] {
    const until = this.now + duration;
    const outputs: DhtOutput[] = [];
    for (;;) {
      const deadline = this.dht.deadline();
      if (deadline === undefined || deadline > until) break;
      this.now = ms(Math.max(this.now, deadline));
      outputs.push(...this.input({ type: "wake" }));
    }
    this.now = ms(until);
    return outputs;
  }

  hear(from: Address, message: KrpcMessage, endpoint = 0): DhtOutput[] {
    const what = message.kind === "query" ? message.body.type : message.kind;
    this.transcript.push(`${this.now} heard ${what} from ${formatAddress(from)}`);
    return this.input({ type: "datagram", endpoint, from, bytes: encodeKrpc(message) });
  }

  /** Answers a query that the node sent. */
  answer(sent: Sent, id: Uint8Array, body: ResponseBody, seenAs?: Address): DhtOutput[] {
    const { transaction } = sent.query;
    return this.hear(
      sent.to,
      { kind: "response", transaction, version: undefined, id, seenAs, body },
      sent.endpoint,
    );
  }

  #line(output: DhtOutput): string {
    if (output.type !== "send") return `${this.now} ${output.type}`;
    const message = decodeKrpc(output.bytes);
    const what = !message.ok
      ? "?"
      : message.value.kind === "query"
        ? message.value.body.type
        : message.value.kind;
    return `${this.now} said ${what} to ${formatAddress(output.to)}`;
  }
}

export interface Sent {
  readonly to: Address;
  readonly endpoint: number;
  readonly query: KrpcQuery;
}

/** The queries among a node's outputs. */
export function queries(outputs: readonly DhtOutput[]): Sent[] {
  return outputs.flatMap((output) => {
    if (output.type !== "send") return [];
    const message = decodeKrpc(output.bytes);
    if (!message.ok || message.value.kind !== "query") return [];
    return [{ to: output.to, endpoint: output.endpoint, query: message.value }];
  });
}

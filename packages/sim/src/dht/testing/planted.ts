import { type Ms, ms } from "@dure/base";
import {
  Dht,
  type DhtInput,
  type DhtOptions,
  type DhtOutput,
  type DhtSnapshot,
  type DhtStatus,
  decodeKrpc,
  encodeKrpc,
} from "@dure/protocol";
import type { DhtMachine } from "../lab-node.ts";

/** A node with a bug, around one without. */
abstract class Twisted implements DhtMachine {
  protected readonly dht: Dht;

  constructor(options: DhtOptions) {
    this.dht = new Dht(options);
  }

  handle(now: Ms, input: DhtInput): void {
    this.dht.handle(now, input);
  }

  poll(): DhtOutput | undefined {
    return this.dht.poll();
  }

  deadline(): Ms | undefined {
    return this.dht.deadline();
  }

  status(now: Ms): DhtStatus {
    return this.dht.status(now);
  }

  snapshot(): DhtSnapshot {
    return this.dht.snapshot();
  }
}

/** Lookups end too early: each is cancelled when a few answers have come. What is stored is stored. */
export class EarlyEnd extends Twisted {
  readonly #requests = new Set<number>(); // those that run
  #answers = 0;

  override handle(now: Ms, input: DhtInput): void {
    if (input.type === "find-node" || (input.type === "get-peers" && input.announce === undefined)) {
      this.#requests.add(input.request);
      this.#answers = 0;
    }
    super.handle(now, input);
    if (input.type !== "datagram" || this.#requests.size === 0) return;
    const message = decodeKrpc(input.bytes);
    if (!message.ok || message.value.kind !== "response") return;
    this.#answers += 1;
    if (this.#answers < 3) return;
    for (const request of this.#requests) super.handle(now, { type: "cancel", request });
    this.#requests.clear();
  }
}

/** Nodes come into the table without having answered: whoever is to be tried is taken at his word. */
export class Credulous extends Twisted {
  #now = ms(0);
  readonly #waiting: DhtOutput[] = []; // as many as one input gives

  override handle(now: Ms, input: DhtInput): void {
    this.#now = now;
    if (input.type !== "datagram") return super.handle(now, input);
    const message = decodeKrpc(input.bytes);
    super.handle(now, input);
    if (!message.ok || message.value.kind !== "query") return;
    super.handle(now, { type: "wake" });
    const { id } = message.value;
    for (let output = super.poll(); output !== undefined; output = super.poll()) {
      const tried =
        output.type === "send" && output.to.ip === input.from.ip ? pingOf(output.bytes) : undefined;
      if (tried === undefined) {
        this.#waiting.push(output);
        continue;
      }
      const bytes = encodeKrpc({
        kind: "response",
        transaction: tried,
        version: undefined,
        id,
        seenAs: undefined,
        body: {},
      });
      this.dht.handle(this.#now, { type: "datagram", endpoint: 0, from: input.from, bytes });
    }
  }

  override poll(): DhtOutput | undefined {
    return this.#waiting.shift() ?? super.poll();
  }
}

function pingOf(bytes: Uint8Array): Uint8Array | undefined {
  const message = decodeKrpc(bytes);
  if (!message.ok || message.value.kind !== "query" || message.value.body.type !== "ping") return undefined;
  return message.value.transaction;
}

import { type Address, formatAddress, ms, Prng } from "@dure/base";
import { UtpEndpoint, type UtpEndpointOptions } from "../endpoint.ts";
import type { UtpInput, UtpOutput } from "../messages.ts";
import type { Link, Timeline } from "./virtual-network.ts";

/** An endpoint on a virtual network, with a clock of its own that may run fast or slow. */
export class VirtualHost {
  readonly endpoint: UtpEndpoint;
  readonly address: Address;
  readonly #timeline: Timeline;
  readonly #clock: { readonly offset: number; readonly drift: number };
  readonly #routes = new Map<string, { readonly host: VirtualHost; readonly link: Link }>();
  #wakeAt = Number.POSITIVE_INFINITY;
  onOutput: (output: UtpOutput) => void = () => {};
  sentBytes = 0;
  sentPackets = 0;

  constructor(
    timeline: Timeline,
    address: Address,
    options: Partial<UtpEndpointOptions> & { readonly offset?: number; readonly drift?: number } = {},
  ) {
    this.#timeline = timeline;
    this.address = address;
    this.#clock = { offset: options.offset ?? 0, drift: options.drift ?? 1 };
    const secret = new Prng(address.port, address.ip).bytes(16);
    this.endpoint = new UtpEndpoint({ secret, ...options });
  }

  route(host: VirtualHost, link: Link): void {
    this.#routes.set(formatAddress(host.address), { host, link });
  }

  handle(input: UtpInput): void {
    this.endpoint.handle(this.#now(), input);
    // What an output makes the owner do comes after the endpoint is drained.
    const outputs: UtpOutput[] = [];
    for (let output = this.endpoint.poll(); output !== undefined; output = this.endpoint.poll()) {
      outputs.push(output);
    }
    for (const output of outputs) {
      if (output.type === "send") this.#send(output.to, output.bytes);
      else this.onOutput(output);
    }
    this.#schedule();
  }

  #send(to: Address, bytes: Uint8Array): void {
    this.sentBytes += bytes.length;
    this.sentPackets += 1;
    const route = this.#routes.get(formatAddress(to));
    if (route === undefined) return;
    const datagram = bytes.slice(); // a resent packet is written over in place
    route.link.carry(bytes.length, () =>
      route.host.handle({ type: "datagram", from: this.address, bytes: datagram }),
    );
  }

  #schedule(): void {
    const deadline = this.endpoint.deadline();
    if (deadline === undefined) return;
    const at = Math.max((deadline - this.#clock.offset) / this.#clock.drift, this.#timeline.now);
    if (at >= this.#wakeAt && this.#wakeAt > this.#timeline.now) return;
    this.#wakeAt = at;
    this.#timeline.at(at + 0.001, () => {
      if (this.#wakeAt !== at) return;
      this.#wakeAt = Number.POSITIVE_INFINITY;
      this.handle({ type: "wake" });
    });
  }

  #now() {
    return ms(this.#timeline.now * this.#clock.drift + this.#clock.offset);
  }
}

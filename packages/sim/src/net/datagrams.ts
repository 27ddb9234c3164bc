import { type Address, formatAddress, Queue } from "@dure/base";
import type { Host, Parcel, Sender } from "./host.ts";
import type { Network } from "./network.ts";

interface Datagram {
  readonly from: Address;
  readonly to: Address;
  readonly bytes: Uint8Array;
}

const queueMax = 256;
/** A line that is this far behind drops what comes. */
const downWaitMax = 1000;
const lateMost = 500;

/** The datagrams of one process: out in its host's turn, lost, doubled and late as the network is told to be. */
export class Datagrams implements Sender {
  readonly #network: Network;
  readonly #host: Host;
  readonly #queue = new Queue<Datagram>(); // bounded by `queueMax`: more are dropped, as a full socket does
  #sent = 0;

  constructor(network: Network, host: Host) {
    this.#network = network;
    this.#host = host;
  }

  send(from: Address, to: Address, bytes: Uint8Array): void {
    if (this.#queue.size >= queueMax) return;
    this.#queue.push({ from, to, bytes: bytes.slice() });
    this.#host.uplink.ready(this);
  }

  next(): Parcel | undefined {
    const datagram = this.#queue.shift();
    if (datagram === undefined) return undefined;
    return { bytes: datagram.bytes.length, depart: () => this.#depart(datagram) };
  }

  #depart(datagram: Datagram): void {
    const { clock, replay, datagramPrng: prng, datagramFaults: faults } = this.#network;
    this.#sent += 1;
    replay.add("datagram", clock.now, this.#sent, datagram.bytes);
    if (prng.chance(faults.lost)) return;
    this.#fly(datagram);
    if (prng.chance(faults.doubled)) this.#fly(datagram);
  }

  #fly(datagram: Datagram): void {
    const to = this.#network.find(datagram.to.ip);
    if (to === undefined || !this.#network.reaches(this.#host, to)) return;
    const { clock, datagramPrng: prng, datagramFaults: faults } = this.#network;
    const late = prng.chance(faults.late) ? prng.below(lateMost) : 0;
    clock.after(this.#network.delay(this.#host, to) + late, () => {
      if (!this.#network.reaches(this.#host, to) || to.downWait > downWaitMax) return;
      clock.at(to.receive(datagram.bytes.length), () => {
        this.#network.datagramHandlers.get(formatAddress(datagram.to))?.(
          datagram.from,
          datagram.bytes.slice(),
        );
      });
    });
  }
}

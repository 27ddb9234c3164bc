import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { once } from "node:events";
import type { DatagramGateway } from "@dure/engine/port-mapping/testing";

export interface UdpGatewayOptions {
  readonly ip: string;
  /** 0: any free one. */
  readonly port: number;
  readonly gateway: DatagramGateway;
  /** Milliseconds before it answers. */
  readonly slow?: number;
  /** What becomes of an answer on its way: garbage, or several. Default it is sent as it is. */
  readonly spoil?: (answer: Uint8Array) => readonly Uint8Array[];
  readonly onChange?: () => void;
}

/** A NAT-PMP or PCP gateway on a real socket. */
export class UdpGateway implements AsyncDisposable {
  readonly #options: UdpGatewayOptions;
  readonly #socket: Socket;
  readonly #late: NodeJS.Timeout[] = []; // bounded by the story
  /** Datagrams it has got. */
  received = 0;

  static async open(options: UdpGatewayOptions): Promise<UdpGateway> {
    const gateway = new UdpGateway(options);
    gateway.#socket.bind({ address: options.ip, port: options.port });
    await once(gateway.#socket, "listening");
    if (!options.ip.includes(":")) gateway.#socket.setMulticastInterface(options.ip);
    return gateway;
  }

  constructor(options: UdpGatewayOptions) {
    this.#options = options;
    this.#socket = createSocket(options.ip.includes(":") ? "udp6" : "udp4");
    this.#socket.on("message", (bytes, from) => this.#received(bytes, from));
    this.#socket.on("error", () => {});
  }

  get port(): number {
    return this.#socket.address().port;
  }

  mapped(): readonly string[] {
    return this.#options.gateway.mapped(nowSeconds());
  }

  /** Loses all mappings and says so to a listener, or to all systems on the network. */
  reboot(to: { readonly ip: string; readonly port: number }): void {
    const { gateway } = this.#options;
    gateway.reboot(nowSeconds());
    this.#socket.send(gateway.announcement(nowSeconds()), to.port, to.ip);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const timer of this.#late) clearTimeout(timer);
    await new Promise<void>((closed) => this.#socket.close(closed));
  }

  #received(bytes: Uint8Array, from: RemoteInfo): void {
    const { gateway, slow = 0, spoil = (answer) => [answer], onChange } = this.#options;
    this.received += 1;
    const before = this.mapped().join();
    const answer = gateway.answer(nowSeconds(), from.address.replace(/%.*$/, ""), bytes);
    if (this.mapped().join() !== before) onChange?.();
    if (answer === undefined) return;
    const send = () => {
      for (const part of spoil(answer)) this.#socket.send(part, from.port, from.address, () => {});
    };
    if (slow === 0) send();
    else this.#late.push(setTimeout(send, slow));
  }
}

function nowSeconds(): number {
  return performance.now() / 1000;
}

import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { latin1 } from "@dure/base";
import type { IgdGateway } from "@dure/engine/port-mapping/testing";
import { ssdpGroup } from "@dure/protocol";

export interface IgdServerOptions {
  readonly ip: string;
  /** Where searches are heard: SSDP's group on a real network, or a port of its own. */
  readonly search: "group" | "own";
  readonly gateway: IgdGateway;
  /** Answers a request instead of the gateway; false: leaves it to the gateway. */
  readonly instead?: (request: IncomingMessage, response: ServerResponse) => boolean;
  /** Where it says that it describes itself; `PORT` is its own. */
  readonly location?: string;
  readonly onChange?: () => void;
}

/** A UPnP gateway on real sockets: SSDP over UDP, description and control over HTTP. */
export class IgdServer implements AsyncDisposable {
  readonly #options: IgdServerOptions;
  readonly #http: Server;
  readonly #ssdp: Socket;
  /** Methods and paths that were asked. */
  readonly requests: string[] = [];
  searches = 0;

  static async open(options: IgdServerOptions): Promise<IgdServer> {
    const server = new IgdServer(options);
    server.#http.listen(0, options.ip);
    await once(server.#http, "listening");
    const group = options.search === "group";
    server.#ssdp.bind(group ? { port: ssdpGroup.port } : { address: options.ip, port: 0 });
    await once(server.#ssdp, "listening");
    if (group) server.#ssdp.addMembership(ssdpGroup.ip, options.ip);
    return server;
  }

  constructor(options: IgdServerOptions) {
    this.#options = options;
    this.#http = createServer((request, response) => void this.#answer(request, response));
    this.#ssdp = createSocket({ type: "udp4", reuseAddr: true });
    this.#ssdp.on("error", () => {});
    this.#ssdp.on("message", (bytes, from) => {
      const wanted = /^ST: (.*)\r$/m.exec(latin1(bytes))?.[1];
      if (wanted !== options.gateway.deviceType) return;
      this.searches += 1;
      const { location = `http://${options.ip}:PORT/rootDesc.xml` } = options;
      const answer = options.gateway.searchAnswer(location.replace("PORT", String(this.port)));
      this.#ssdp.send(answer, from.port, from.address, () => {});
    });
  }

  get port(): number {
    return (this.#http.address() as AddressInfo).port; // it listens on TCP
  }

  get searchAt(): { readonly ip: string; readonly port: number } {
    return { ip: this.#options.ip, port: this.#ssdp.address().port };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#http.closeAllConnections();
    await new Promise((closed) => this.#http.close(closed));
    await new Promise<void>((closed) => this.#ssdp.close(closed));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { gateway, instead, onChange } = this.#options;
    const { method = "", url: path = "", headers } = request;
    this.requests.push(`${method} ${path}`);
    if (instead?.(request, response) === true) return;
    const soapAction = String(headers.soapaction ?? "");
    const before = [...gateway.entries.keys()].join();
    const reply = gateway.answer({ method, path, soapAction, body: await buffer(request) });
    if ([...gateway.entries.keys()].join() !== before) onChange?.();
    response.writeHead(reply.status, { "Content-Type": 'text/xml; charset="utf-8"' });
    response.end(reply.body);
  }
}

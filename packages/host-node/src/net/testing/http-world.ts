import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import { createServer as createTcpServer, type Server, type Socket } from "node:net";
import type { Family } from "@dure/base";
import type { NetEffect, NetEvent } from "@dure/carrier";
import type { NodeNetOptions } from "../node-net.ts";
import { recordedNet, until } from "./net-world.ts";

export type HttpGet = Extract<NetEffect, { type: "http-get" }>;
export type HttpAnswer = Extract<NetEvent, { type: "http-reply" | "http-failed" }>;

/** A server of the loopback and a net that asks it; both gone after the story. */
export interface HttpWorld {
  readonly port: number;
  /** Connections the server has seen. */
  connections(): number;
  /** Requests the server has seen, as it saw them. */
  readonly requests: IncomingMessage[];
  /** Everything is allowed unless the story says otherwise. `PORT` in the URL is the server's. */
  get(url: string, more?: Partial<HttpGet>): Promise<HttpAnswer>;
  readonly perform: (...effects: readonly NetEffect[]) => void;
  readonly events: readonly NetEvent[];
}

type Story = (world: HttpWorld) => Promise<void>;

export function withHttp(
  answer: RequestListener,
  story: Story,
  options: Partial<NodeNetOptions> = {},
): Promise<void> {
  const requests: IncomingMessage[] = [];
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    requests.push(request);
    answer(request, response);
  });
  return withServer(server, requests, story, options);
}

/** A server that says what it likes. */
export function withRaw(talk: (socket: Socket) => void, story: Story): Promise<void> {
  const server = createTcpServer((socket) => {
    socket.on("error", () => {}); // the net hangs up on it, which is the point
    talk(socket);
  });
  return withServer(server, [], story, {});
}

export async function withServer(
  server: Server,
  requests: IncomingMessage[],
  story: Story,
  options: Partial<NodeNetOptions>,
): Promise<void> {
  const sockets: Socket[] = [];
  server.on("connection", (socket: Socket) => sockets.push(socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const bound = server.address();
  const port = typeof bound === "object" ? (bound?.port ?? 0) : 0;
  const { net, events, perform } = await recordedNet(options);
  let asked = 0;
  const get = async (url: string, more: Partial<HttpGet> = {}) => {
    asked += 1;
    const request = asked;
    const family: Family = 4;
    const full = url.replace("PORT", String(port));
    const common = { trust: "any", bytesMax: 1024 * 1024, timeout: 5_000 } as const;
    perform({ type: "http-get", request, url: full, family, ...common, ...more });
    await until(() => answerTo(events, request) !== undefined, `the answer to ${url}`);
    return answerTo(events, request) as HttpAnswer; // just waited for
  };
  try {
    await story({ port, connections: () => sockets.length, requests, get, perform, events });
  } finally {
    await net.close();
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }
}

/** `200 text`, or the reason of the failure. */
export function summary(answer: HttpAnswer): string {
  if (answer.type === "http-failed") return answer.reason;
  return `${answer.status} ${Buffer.from(answer.body).toString("latin1")}`;
}

function answerTo(events: readonly NetEvent[], request: number): HttpAnswer | undefined {
  for (const event of events) {
    if ((event.type === "http-reply" || event.type === "http-failed") && event.request === request)
      return event;
  }
  return undefined;
}

import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { bencode, type Endpoint } from "../clients/index.ts";

/** One KRPC query from nobody's node; the datagram that answers it, or undefined after `within` milliseconds. */
export async function rawQuery(
  to: Endpoint,
  query: string,
  options: { more: Readonly<Record<string, Buffer | number>>; within: number },
): Promise<Buffer | undefined> {
  const socket = createSocket("udp4");
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise((resolve, reject) => {
      timer = setTimeout(() => resolve(undefined), options.within);
      socket.once("error", reject);
      socket.on("message", resolve);
      const arguments_ = { id: randomBytes(20), ...options.more };
      socket.send(bencode({ t: randomBytes(2), y: "q", q: query, a: arguments_ }), to.port, to.ip);
    });
  } finally {
    clearTimeout(timer);
    socket.close();
  }
}

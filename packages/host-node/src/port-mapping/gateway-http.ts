import { request as httpRequest, type IncomingMessage } from "node:http";
import { concat } from "@dure/base";
import type { PortMapperOutput } from "@dure/engine";
import { xmlBytesMax } from "@dure/protocol";

export interface GatewayReply {
  readonly status: number;
  readonly body: Uint8Array;
}

type GatewayRequest = Extract<PortMapperOutput, { readonly type: "http" }>;

const exchangeWait = 3_000;
const headBytesMax = 16 * 1024;

/**
 * One request to a gateway, one answer. The target's address is connected to and nothing else: no name is looked up, no
 * redirect followed, no proxy asked. Rejects when there is no whole answer within three seconds and 256 KiB.
 */
export function askGateway(ask: GatewayRequest, local: string, closing: AbortSignal): Promise<GatewayReply> {
  const { target, post } = ask;
  return new Promise((resolve, reject) => {
    const request = httpRequest({
      host: target.ip,
      port: target.port,
      path: target.path,
      method: post === undefined ? "GET" : "POST",
      localAddress: local,
      agent: false, // a connection of its own, closed after the answer
      maxHeaderSize: headBytesMax,
      signal: AbortSignal.any([closing, AbortSignal.timeout(exchangeWait)]),
      headers: {
        "User-Agent": "Dure UPnP/1.1",
        ...(post === undefined
          ? {}
          : {
              "Content-Type": 'text/xml; charset="utf-8"',
              "Content-Length": post.body.length,
              SOAPAction: post.soapAction,
            }),
      },
    });
    request.once("error", reject);
    request.once("close", () => reject(new Error("hung up without an answer"))); // also after 101 and an upgrade
    request.once("response", (response) => {
      const status = response.statusCode ?? 0;
      readBody(response).then(
        (body) => resolve({ status, body }),
        (error) => {
          request.destroy();
          reject(error);
        },
      );
    });
    request.end(post?.body);
  });
}

async function readBody(response: IncomingMessage): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []; // bounded by xmlBytesMax
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > xmlBytesMax) throw new Error(`more than ${xmlBytesMax} bytes`);
    chunks.push(chunk);
  }
  return concat(chunks);
}

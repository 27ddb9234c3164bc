import { equal } from "node:assert/strict";
import { createServer } from "node:https";
import { test } from "node:test";
import type { TLSSocket } from "node:tls";
import { summary, withHttp, withServer } from "./testing/http-world.ts";
import { selfSigned } from "./testing/self-signed.ts";

const lookup = async () => ["127.0.0.1"];
const pair = selfSigned(["tracker.test", "127.0.0.1"]);

function secureServer() {
  return createServer(pair, (request, response) => {
    response.end(`${(request.socket as TLSSocket & { servername?: string | false }).servername}`);
  });
}

test("HTTPS checks the certificate for the name, though the connection goes to a pinned address", () =>
  withServer(
    secureServer(),
    [],
    async ({ get }) => {
      equal(summary(await get("https://tracker.test:PORT/")), "200 tracker.test");
      equal(summary(await get("https://tracker.test.:PORT/")), "200 tracker.test");
      equal(summary(await get("https://other.test:PORT/")), "tls");
      equal(summary(await get("https://127.0.0.1:PORT/")), "200 false");
      equal(summary(await get("https://127.0.0.2:PORT/")), "refused");
    },
    { lookup, ca: pair.cert },
  ));

test("a certificate that nobody vouches for is refused, even when the environment would let it pass", async () => {
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0";
  try {
    await withServer(
      secureServer(),
      [],
      async ({ get }) => equal(summary(await get("https://tracker.test:PORT/")), "tls"),
      { lookup },
    );
  } finally {
    delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
  }
});

test("a plain server behind an https URL is a TLS failure, and a TLS server behind http a bad reply", async () => {
  await withHttp(
    (_request, response) => response.end("plain"),
    async ({ get }) => equal(summary(await get("https://tracker.test:PORT/")), "tls"),
    { lookup },
  );
  await withServer(
    secureServer(),
    [],
    async ({ get }) => equal(summary(await get("http://tracker.test:PORT/")), "bad-reply"),
    { lookup },
  );
});

import { equal, ok } from "node:assert/strict";
import { test } from "node:test";
import type { UrlTrust } from "@dure/carrier";
import { summary, withHttp } from "./testing/http-world.ts";

/** Spellings of this machine and its neighbourhood, as the host of a URL. */
const hosts4 = [
  "127.0.0.1",
  "127.0.0.1.",
  "127.1",
  "127.1.",
  "127.0.1",
  "127.000.000.001",
  "0x7f.0.0.1",
  "0x7f.1",
  "0x7f000001",
  "0X7F000001",
  "0177.0.0.1",
  "0177.0x0.1",
  "017700000001",
  "2130706433",
  "0",
  "0.0.0.0",
  "0x0",
  "1.65535.1.1@127.0.0.1",
  "public.test@127.0.0.1",
  "public.test%40x@127.0.0.1",
  "127.0.0.1:80@127.0.0.1",
  "%31%32%37.0.0.1",
  "127%2e0.0.1",
  "127。0。0。1",
  "１２７.0.0.1",
  "①②⑦.⓪.⓪.①",
  "localhost",
  "localhost.",
  "LOCALHOST",
  "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ",
  "loc\u00adalhost",
  "127.0.0.1.loopback.test",
  "10.0.0.1",
  "10.1",
  "0xa000001",
  "012.1",
  "167772161",
  "100.64.0.1",
  "169.254.169.254",
  "2852039166",
  "0xa9fea9fe",
  "0251.0376.0251.0376",
  "172.16.0.1",
  "172.31.255.255",
  "192.168.0.1",
  "0xc0a80001",
  "198.18.0.1",
  "224.0.0.1",
  "255.255.255.255",
  "rebound.test",
  "metadata.test",
  "mixed.test",
];
const hosts6 = [
  "[::1]",
  "[0:0:0:0:0:0:0:1]",
  "[::]",
  "[::127.0.0.1]",
  "[::ffff:0:127.0.0.1]",
  "[64:ff9b::127.0.0.1]",
  "[64:ff9b:1::127.0.0.1]",
  "[2002:7f00:1::]",
  "[2001:0:7f00:1::]",
  "[fc00::1]",
  "[fd00::1]",
  "[fe80::1]",
  "[fec0::1]",
  "[ff02::1]",
  "six.test",
];
/** An IPv4 address in IPv6 clothes is an IPv4 address: asked for under either family. */
const hostsMapped = [
  "[::ffff:127.0.0.1]",
  "[::ffff:7f00:1]",
  "[0:0:0:0:0:ffff:7f00:0001]",
  "[::ffff:10.0.0.1]",
];

const names: Readonly<Record<string, readonly string[]>> = {
  "rebound.test": ["127.0.0.1"],
  "metadata.test": ["169.254.169.254"],
  "mixed.test": ["10.0.0.1", "127.0.0.1", "0.0.0.0"],
  "six.test": ["::1", "fd00::1"],
};
const lookup = async (host: string) => names[host] ?? ["127.0.0.1"];

async function refused(trust: UrlTrust, suffix: string): Promise<void> {
  await withHttp(
    (_request, response) => response.end("secret"),
    async ({ get, connections }) => {
      for (const host of [...hosts4, ...hostsMapped]) {
        equal(summary(await get(`http://${host}:PORT${suffix}`, { trust })), "local-address", host);
      }
      for (const host of hosts6) {
        equal(
          summary(await get(`http://${host}:PORT${suffix}`, { trust, family: 6 })),
          "local-address",
          host,
        );
      }
      for (const host of hostsMapped) {
        equal(summary(await get(`http://${host}:PORT${suffix}`, { trust, family: 6 })), "no-address", host);
      }
      for (const url of [
        "http:\\\\127.0.0.1:PORT\\",
        "http:127.0.0.1:PORT/",
        "http:///127.0.0.1:PORT/",
        " http://127.1:PORT/ ",
      ]) {
        equal(summary(await get(url, { trust })), "local-address", url);
      }
      equal(connections(), 0, "nobody knocked");
    },
    { lookup, listen: undefined as never },
  );
}

test("a stranger's URL reaches no local address, however it is spelt", () =>
  refused("stranger", "/announce"));
test("a named tracker reaches no local address outside a tracker's path", () =>
  refused("named-tracker", "/admin"));

test("a named tracker on this machine is reached, and asked for once", () => {
  let asked = 0;
  return withHttp(
    (_request, response) => response.end("peers"),
    async ({ get }) => {
      const answer = await get("http://rebinding.test:PORT/announce", { trust: "named-tracker" });
      equal(summary(answer), "200 peers");
      equal(asked, 1);
    },
    {
      lookup: async () => {
        asked += 1; // a name that changes its mind: the second answer must never matter
        return asked === 1 ? ["127.0.0.1"] : ["127.0.0.2"];
      },
    },
  );
});

test("a redirect from a named tracker to a local address is refused, whatever its path and status", () =>
  withHttp(
    (request, response) => {
      const [, status = "", place = ""] = /^\/(\d+)\/(.*)\/announce$/.exec(request.url ?? "") ?? [];
      response.writeHead(Number(status), { Location: decodeURIComponent(place) }).end();
    },
    async ({ get, port, connections }) => {
      const places = [
        "/announce",
        "//127.0.0.1/announce",
        `http://127.0.0.1:${port}/announce`,
        `http://127.1:${port}/announce`,
        "http://[::ffff:127.0.0.1]/announce",
        "http://2130706433/announce",
        "http://rebound.test/announce",
        "https://localhost./announce",
      ];
      let redirects = 0;
      for (const status of [301, 302, 303, 307, 308]) {
        for (const place of places) {
          redirects += 1;
          const url = `http://127.0.0.1:PORT/${status}/${encodeURIComponent(place)}/announce`;
          equal(summary(await get(url, { trust: "named-tracker" })), "local-address", place);
        }
      }
      equal(connections(), redirects, "only the tracker itself was asked");
    },
    { lookup },
  ));

test("local URLs are reached when the user allows them, redirects too", () =>
  withHttp(
    (request, response) => {
      if (request.url === "/") response.writeHead(302, { Location: "/admin" }).end();
      else response.end("mine");
    },
    async ({ get }) => equal(summary(await get("http://rebound.test:PORT/", { trust: "any" })), "200 mine"),
    { lookup },
  ));

test("the environment's proxies are not used", async () => {
  const before = { ...process.env };
  Object.assign(process.env, {
    http_proxy: "http://127.0.0.1:1",
    HTTP_PROXY: "http://127.0.0.1:1",
    NODE_USE_ENV_PROXY: "1",
  });
  try {
    await withHttp(
      (_request, response) => response.end("direct"),
      async ({ get }) => equal(summary(await get("http://127.0.0.1:PORT/")), "200 direct"),
    );
  } finally {
    for (const name of ["http_proxy", "HTTP_PROXY", "NODE_USE_ENV_PROXY"]) delete process.env[name];
    Object.assign(process.env, before);
  }
});

test("names for UDP trackers are checked after they are resolved", () =>
  withHttp(
    (_request, response) => response.end(),
    async ({ perform, events }) => {
      const ask = (request: number, host: string, trust: UrlTrust) =>
        perform({ type: "resolve", request, host, family: 4, trust });
      ask(1, "rebound.test", "stranger");
      ask(2, "rebound.test", "named-tracker");
      ask(3, "127.0.0.1", "stranger");
      ask(4, "0x7f.1", "stranger"); // a name to us, an address to some resolvers
      ask(5, "x y", "any");
      ask(6, "::1", "any");
      ask(7, "[::ffff:127.0.0.1]", "stranger");
      await new Promise((resolve) => setTimeout(resolve, 20));
      const told = new Map(events.map((event) => ["request" in event ? event.request : 0, event]));
      const reason = (request: number) => {
        const event = told.get(request);
        return event?.type === "resolve-failed"
          ? event.reason
          : event?.type === "resolved" && event.ips.join();
      };
      equal(reason(1), "local-address");
      equal(reason(2), "127.0.0.1");
      equal(reason(3), "local-address");
      equal(reason(4), "local-address");
      equal(reason(5), "name-not-found");
      equal(reason(6), "no-address");
      equal(reason(7), "local-address");
      ok(events.length === 7);
    },
    { lookup },
  ));

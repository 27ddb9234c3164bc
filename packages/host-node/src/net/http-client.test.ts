import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { latin1, Prng } from "@dure/base";
import { summary, withHttp, withRaw } from "./testing/http-world.ts";
import { turn, until } from "./testing/net-world.ts";

const everywhere = async () => ["127.0.0.1"];

test("a GET brings status, body and the address that answered", () =>
  withHttp(
    (_request, response) => response.writeHead(404).end("gone"),
    async ({ get }) => {
      const answer = await get("http://127.0.0.1:PORT/announce");
      equal(summary(answer), "404 gone");
      equal(answer.type === "http-reply" && answer.ip, "127.0.0.1");
    },
  ));

test("the request carries the path as given, a user agent, and nothing that identifies us", () =>
  withHttp(
    (_request, response) => response.end("ok"),
    async ({ get, requests, port }) => {
      await get("http://127.0.0.1:PORT/a/announce?info_hash=%00%ff%20x&peer_id=-DU0100-&x=~'#fragment");
      const [request] = requests;
      equal(request?.url, "/a/announce?info_hash=%00%ff%20x&peer_id=-DU0100-&x=~%27");
      deepEqual(request?.headers, {
        host: `127.0.0.1:${port}`,
        "user-agent": "Dure/9.9",
        accept: "*/*",
        "accept-encoding": "gzip, deflate",
        connection: "close",
      });
    },
    { userAgent: "Dure/9.9" },
  ));

test("five redirects are followed, a sixth is not, a loop ends", () =>
  withHttp(
    (request, response) => {
      const left = Number(request.url?.slice(1));
      if (left === 0) response.end("home");
      else response.writeHead(302, { Location: `/${left - 1}` }).end();
    },
    async ({ get, connections }) => {
      equal(summary(await get("http://127.0.0.1:PORT/5")), "200 home");
      equal(connections(), 6);
      equal(summary(await get("http://127.0.0.1:PORT/6")), "redirects");
      equal(connections(), 12);
      equal(summary(await get("http://127.0.0.1:PORT/999999")), "redirects");
    },
  ));

test("each redirect status is followed; a 3xx that is none of them, or says no place, is an answer", () =>
  withHttp(
    (request, response) => {
      const status = Number(request.url?.slice(1));
      if (status === 0) response.end("home");
      else if (status === 399) response.writeHead(302).end("nowhere");
      else response.writeHead(status, { Location: "/0" }).end("moved");
    },
    async ({ get }) => {
      for (const status of [301, 302, 303, 307, 308]) {
        equal(summary(await get(`http://127.0.0.1:PORT/${status}`)), "200 home");
      }
      equal(summary(await get("http://127.0.0.1:PORT/300")), "300 moved");
      equal(summary(await get("http://127.0.0.1:PORT/305")), "305 moved");
      equal(summary(await get("http://127.0.0.1:PORT/399")), "302 nowhere");
    },
  ));

test("a redirect to another scheme is a bad reply", () =>
  withHttp(
    (request, response) =>
      response.writeHead(302, { Location: decodeURIComponent(request.url?.slice(2) ?? "") }).end(),
    async ({ get }) => {
      for (const place of [
        "file:///etc/passwd",
        "ftp://127.0.0.1/",
        "data:,x",
        "javascript:1",
        "unix:/x",
        "http://",
      ]) {
        equal(summary(await get(`http://127.0.0.1:PORT/?${encodeURIComponent(place)}`)), "bad-reply", place);
      }
    },
  ));

test("a URL that is none, or not http, fails without a connection", () =>
  withHttp(
    (_request, response) => response.end("ok"),
    async ({ get, connections }) => {
      for (const url of [
        "",
        "x",
        "http://",
        "ftp://127.0.0.1:PORT/",
        "udp://127.0.0.1:PORT",
        "http://127.0.0.1:99999/",
      ]) {
        equal(summary(await get(url)), "bad-reply", url);
      }
      equal(connections(), 0);
    },
  ));

test("credentials of the URL go to its origin only, and cookies nowhere", () =>
  withHttp(
    (request, response) => {
      if (request.url === "/start") response.writeHead(302, { Location: "/same", "Set-Cookie": "a=b" }).end();
      else if (request.url === "/same") {
        const other = `http://stranger:word@other.test:${request.socket.localPort}/other`;
        response.writeHead(302, { Location: other, "Set-Cookie": "c=d" }).end();
      } else response.end("ok");
    },
    async ({ get, requests }) => {
      equal(summary(await get("http://me:p%40ss@127.0.0.1:PORT/start")), "200 ok");
      const basic = `Basic ${Buffer.from("me:p@ss").toString("base64")}`;
      const seen = requests.map(({ headers }) => [headers.authorization, headers.cookie, headers.referer]);
      deepEqual(seen, [
        [basic, undefined, undefined],
        [basic, undefined, undefined],
        [undefined, undefined, undefined],
      ]);
    },
    { lookup: everywhere },
  ));

test("the next address of a name is tried when one refuses", () =>
  withHttp(
    (_request, response) => response.end("ok"),
    async ({ get }) => equal(summary(await get("http://tracker.test:PORT/")), "200 ok"),
    { lookup: async () => ["127.0.0.3", "127.0.0.2", "127.0.0.1"] },
  ));

test("a request leaves from the address that traffic is bound to", () =>
  withHttp(
    (request, response) => response.end(request.socket.remoteAddress),
    async ({ get }) => equal(summary(await get("http://127.0.0.1:PORT/")), "200 127.0.0.9"),
    { listen: "127.0.0.9" },
  ));

test("each failure on the way has its reason", () =>
  withHttp(
    (_request, response) => response.end("ok"),
    async ({ get }) => {
      equal(summary(await get("http://127.0.0.1:1/")), "refused");
      equal(summary(await get("http://[::1]:PORT/")), "no-address");
      equal(summary(await get("http://127.0.0.1:PORT/", { family: 6 })), "unreachable");
      equal(summary(await get("http://nobody.test:PORT/")), "name-not-found");
      equal(summary(await get("http://four.test:PORT/")), "no-address");
      equal(summary(await get("http://hidden.onion:PORT/")), "name-not-found");
      equal(summary(await get("http://silent.test:PORT/", { timeout: 60 })), "timeout");
    },
    {
      lookup: async (host) => {
        if (host === "four.test") return [];
        if (host === "silent.test") await turn(300);
        throw Object.assign(new Error("no such name"), { code: "ENOTFOUND" });
      },
    },
  ));

test("a cancelled request tells nothing and hangs up", () =>
  withRaw(
    (socket) => socket.resume(),
    async ({ perform, events, port, connections }) => {
      const url = `http://127.0.0.1:${port}/`;
      perform({ type: "http-get", request: 1, url, family: 4, trust: "any", bytesMax: 10, timeout: 100 });
      await turn(30);
      equal(connections(), 1);
      perform({ type: "http-cancel", request: 1 }, { type: "http-cancel", request: 77 });
      await turn(150);
      equal(events.length, 0);
    },
  ));

test("requests wait for their turn, and one whose time is up while it waits is told so", () =>
  withRaw(
    (socket) => socket.resume(),
    async ({ perform, events, port, connections }) => {
      const url = `http://127.0.0.1:${port}/`;
      const common = { type: "http-get", url, family: 4, trust: "any", bytesMax: 10 } as const;
      perform(...Array.from({ length: 64 }, (_, request) => ({ ...common, request, timeout: 5_000 })));
      await until(() => connections() === 64, "as many as may be under way");
      perform({ ...common, request: 100, timeout: 50 }, { ...common, request: 101, timeout: 50 });
      perform({ type: "http-cancel", request: 101 });
      await until(() => events.length === 1, "the time-out");
      const [event] = events;
      equal(event?.type === "http-failed" && `${event.request} ${event.reason}`, "100 timeout");
      equal(connections(), 64);
      perform({ type: "http-cancel", request: 7 }, { ...common, request: 102, timeout: 5_000 });
      await until(() => connections() === 65, "the next in turn");
    },
  ));

test("more requests than the ceiling are refused, the others answered a few at a time", () =>
  withHttp(
    (_request, response) => response.end("ok"),
    async ({ perform, events, port, get }) => {
      const url = `http://127.0.0.1:${port}/`;
      const common = {
        type: "http-get",
        url,
        family: 4,
        trust: "any",
        bytesMax: 10,
        timeout: 5_000,
      } as const;
      perform(...Array.from({ length: 1030 }, (_, index) => ({ ...common, request: 1000 + index })));
      await turn(0);
      equal(events.filter((event) => event.type === "http-failed" && event.reason === "other").length, 6);
      perform(
        ...Array.from(
          { length: 1024 },
          (_, index) => ({ type: "http-cancel", request: 1000 + index }) as const,
        ),
      );
      equal(summary(await get("http://127.0.0.1:PORT/")), "200 ok");
    },
  ));

test("whatever stands in a URL or a Location, the answer is an event", () => {
  const prng = new Prng(5, "urls");
  const noise = () => latin1(prng.bytes(prng.below(12)));
  let followed = 0;
  return withHttp(
    (request, response) => {
      // Written by hand: Node's own header check would not let most of it out.
      if (request.url?.startsWith("/again")) response.end("ok");
      else
        request.socket.end(
          `HTTP/1.1 302 F\r\nLocation: /again${noise().replace(/[\r\n]/g, "")}\r\n\r\n`,
          "latin1",
        );
    },
    async ({ get, port }) => {
      for (let round = 0; round < 300; round += 1) {
        const url = `http://${round % 3 === 0 ? `${noise()}@` : ""}127.0.0.1:${port}/${noise()}?${noise()}`;
        const answer = summary(await get(url));
        const expected = ["200 ok", "bad-reply", "name-not-found", "refused", "no-address"];
        ok(expected.includes(answer), `${JSON.stringify(url)}: ${answer}`);
        if (answer === "200 ok") followed += 1;
      }
      ok(followed > 150, `${followed} of 300 went all the way`);
    },
    { lookup: async () => [] },
  );
});

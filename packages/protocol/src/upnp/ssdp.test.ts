import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { fromLatin1, latin1 } from "@dure/base";
import { cutEverywhere, fuzzCodec } from "@dure/base/testing";
import { parseHttpTarget, resolveHttpTarget } from "./http-target.ts";
import { decodeSsdpResponse, encodeSsdpSearch } from "./ssdp.ts";

const gateway = "urn:schemas-upnp-org:device:InternetGatewayDevice:1";
const response = (headers: readonly string[], status = "HTTP/1.1 200 OK") =>
  fromLatin1(`${[status, ...headers].join("\r\n")}\r\n\r\n`);
const usual = response([
  "CACHE-CONTROL: max-age=120",
  `ST: ${gateway}`,
  `USN: uuid:1-2-3::${gateway}`,
  "EXT:",
  "SERVER: Router/1.0 UPnP/1.1 MiniUPnPd/2.3",
  "LOCATION: http://192.168.1.1:5000/rootDesc.xml",
]);

test("a search is the one of UPnP's architecture, to the letter", () => {
  const lines = [
    "M-SEARCH * HTTP/1.1",
    "HOST: 239.255.255.250:1900",
    'MAN: "ssdp:discover"',
    "MX: 2",
    `ST: ${gateway}`,
    "",
    "",
  ];
  equal(latin1(encodeSsdpSearch(gateway)), lines.join("\r\n"));
});

test("a response tells where the device describes itself", () => {
  const value = {
    location: { ip: "192.168.1.1", port: 5000, path: "/rootDesc.xml" },
    searchTarget: gateway,
  };
  deepEqual(decodeSsdpResponse(usual), { ok: true, value });
  const sloppy = fromLatin1(
    `HTTP/1.0 200\nlocation:http://192.168.1.1:5000/rootDesc.xml\nSt :  ${gateway} \n`,
  );
  deepEqual(decodeSsdpResponse(sloppy), { ok: true, value });
});

test("each response that is no gateway's has its reason", () => {
  const reason = (bytes: Uint8Array) => {
    const read = decodeSsdpResponse(bytes);
    return read.ok ? "none" : read.reason;
  };
  const location = "LOCATION: http://192.168.1.1/d.xml";
  equal(reason(response([`ST: ${gateway}`, location], "NOTIFY * HTTP/1.1")), "not-a-response");
  equal(reason(response([`ST: ${gateway}`, location], "HTTP/1.1 404 Not Found")), "not-a-response");
  equal(reason(response([location])), "not-a-gateway");
  equal(reason(response(["ST: urn:schemas-upnp-org:device:MediaServer:1", location])), "not-a-gateway");
  equal(reason(response([`ST: ${gateway}`])), "no-location");
  equal(reason(response([`ST: ${gateway}`, "LOCATION: http://router.example/d.xml"])), "no-location");
  equal(reason(response([`ST: ${gateway}`, location, `X: ${"x".repeat(4096)}`])), "too-long");
});

test("a gateway's URL is http, its host an IP address, its path printable", () => {
  const target = (ip: string, port: number, path: string) => ({ ip, port, path });
  deepEqual(parseHttpTarget("http://10.0.0.1"), target("10.0.0.1", 80, "/"));
  deepEqual(parseHttpTarget("HTTP://[FE80::1]:1/a?b=c#d"), target("fe80::1", 1, "/a?b=c"));
  const refused = [
    "https://10.0.0.1/",
    "file:///etc/passwd",
    "http://router.local/",
    "http://user@10.0.0.1/",
    "http://10.0.0.1@192.0.2.1/",
    "http://010.0.0.1/",
    "http://0x0a000001/",
    "http://167772161/",
    "http://10.0.0.1:0/",
    "http://10.0.0.1:65536/",
    "http://10.0.0.1/a b",
    "http://10.0.0.1/a\r\nHost: b",
    "http://10.0.0.1\\@b/",
    `http://10.0.0.1/${"x".repeat(1024)}`,
  ];
  for (const url of refused) equal(parseHttpTarget(url), undefined, url);
});

test("a control URL may be whole, rooted, or relative to the description", () => {
  const base = { ip: "10.0.0.1", port: 5000, path: "/upnp/root.xml?a=/b" };
  const path = (reference: string) => resolveHttpTarget(reference, base)?.path;
  equal(path("/ctl/IPConn"), "/ctl/IPConn");
  equal(path("ctl/IPConn#x"), "/upnp/ctl/IPConn");
  equal(path(""), "/upnp/root.xml?a=/b");
  equal(path("a b"), undefined);
  equal(path("/a\r\nb"), undefined);
  equal(path("x".repeat(1020)), undefined);
  equal(path("x".repeat(1025)), undefined);
  deepEqual(resolveHttpTarget("http://10.0.0.1:80/c", base), { ip: "10.0.0.1", port: 80, path: "/c" });
  deepEqual(resolveHttpTarget("//10.0.0.9/c", base), { ip: "10.0.0.9", port: 80, path: "/c" });
  equal(resolveHttpTarget("javascript:alert(1)", base), undefined);
});

test("a response cut before its location ends is refused or leads to the same device", () => {
  const whole = latin1(usual);
  const hostEnd = whole.indexOf(":5000");
  for (const [length, answer] of cutEverywhere(usual, decodeSsdpResponse).entries()) {
    if (length < hostEnd) ok(!answer.ok, `cut at ${length}`);
    else if (answer.ok) equal(answer.value.location.ip, "192.168.1.1");
  }
});

test("10,000 mutated responses are read or refused, and every reason is met", () => {
  const samples = [
    usual,
    response([`ST: ${gateway}`, "LOCATION: http://[fe80::1]:80/d.xml?a=b#c"]),
    response([`ST: ${gateway}`, "LOCATION: http://192.168.1.1/d.xml", `X: ${"x".repeat(4096)}`]),
  ];
  const check = (answer: ReturnType<typeof decodeSsdpResponse>) => {
    if (answer.ok) ok(/^\/[!-~]*$/.test(answer.value.location.path));
  };
  const tally = fuzzCodec({ name: "ssdp-response", seed: 1, samples, decode: decodeSsdpResponse, check });
  ok(tally.accepted > 500, `${tally.accepted} accepted`);
  deepEqual([...tally.reasons.keys()].sort(), ["no-location", "not-a-gateway", "not-a-response", "too-long"]);
});

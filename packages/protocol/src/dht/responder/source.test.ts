import { deepEqual, equal, notEqual } from "node:assert/strict";
import { test } from "node:test";
import { must, Prng, parseIp } from "@dure/base";
import { Source } from "./source.ts";
import { sourceAt } from "./testing/asking.ts";

test("an address is read as the bytes that base's parser reads", () => {
  const prng = new Prng(3);
  const source = new Source(false);
  for (let run = 0; run < 2000; run += 1) {
    const octets = prng.bytes(4);
    octets[0] = prng.between(1, 223);
    const ip = octets.join(".");
    equal(source.read({ ip, port: 1 }), true);
    deepEqual(source.ip, octets);
    equal(source.family, 4);
  }
  equal(source.read({ ip: "2001:db8::9", port: 1 }), true);
  deepEqual(source.ip, must(parseIp("2001:db8::9"), "an IP"));
  equal(source.family, 6);
});

test("what nobody can be answered at is refused", () => {
  const source = new Source(false);
  equal(source.read({ ip: "81.2.69.142", port: 65_535 }), true);
  for (const port of [0, -1, 65_536]) equal(source.read({ ip: "81.2.69.142", port }), false);
  const nowhere = [
    "0.0.0.0",
    "0.1.2.3",
    "224.0.0.1",
    "239.1.2.3",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "ff02::1",
  ];
  for (const ip of [...nowhere, "", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.256.3.4", "host", "1::2::3"]) {
    equal(source.read({ ip, port: 1 }), false, ip);
  }
});

test("loopback, private and link-local addresses are exempt, unless they are to count", () => {
  const local = [
    "127.0.0.1",
    "10.1.2.3",
    "172.16.0.1",
    "172.31.9.9",
    "192.168.1.1",
    "169.254.7.7",
    "100.64.0.1",
  ];
  for (const ip of [...local, "::1", "fe80::1", "fd00::1"]) {
    equal(sourceAt(ip).exempt, true, ip);
    equal(sourceAt(ip, 1, true).exempt, false, ip);
  }
  for (const ip of [
    "81.2.69.142",
    "172.32.0.1",
    "100.128.0.1",
    "192.167.1.1",
    "169.253.1.1",
    "2001:db8::1",
    "2a00::1",
  ]) {
    equal(sourceAt(ip).exempt, false, ip);
  }
});

test("a ban hits an IPv4 address or a /64, a share a /24 or a /48", () => {
  const ban = (ip: string) => `${sourceAt(ip).banHigh} ${sourceAt(ip).banLow}`;
  notEqual(ban("81.2.69.142"), ban("81.2.69.143"));
  equal(ban("2a00:1:2:3::1"), ban("2a00:1:2:3:ffff::2"));
  notEqual(ban("2a00:1:2:3::1"), ban("2a00:1:2:4::1"));
  const subnet = (ip: string) => sourceAt(ip).subnet;
  equal(subnet("81.2.69.1"), subnet("81.2.69.255"));
  notEqual(subnet("81.2.69.1"), subnet("81.2.70.1"));
  equal(subnet("2a00:1:2:3::1"), subnet("2a00:1:2:4::1"));
  notEqual(subnet("2a00:1:2::1"), subnet("2a00:1:3::1"));
  notEqual(subnet("1.2.3.4"), subnet("::1:203"));
});

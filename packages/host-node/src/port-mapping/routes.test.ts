import { deepEqual, equal } from "node:assert/strict";
import type { NetworkInterfaceInfo } from "node:os";
import { test } from "node:test";
import { parseProcIpv6Route, parseProcRoute } from "./proc-routes.ts";
import { mappableRoutes, type SystemRoutes } from "./routes.ts";
import { onLink, sameSubnet } from "./subnet.ts";

const head = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";
const row = (
  device: string,
  destination: string,
  gateway: string,
  flags: string,
  metric: number,
  mask: string,
) => `${device}\t${destination}\t${gateway}\t${flags}\t0\t0\t${metric}\t${mask}\t0\t0\t0   \n`;
const wired = row("eth0", "00000000", "0101A8C0", "0003", 100, "00000000");
const wireless = row("wlan0", "00000000", "0100000A", "0003", 600, "00000000");
const local = row("eth0", "0001A8C0", "00000000", "0001", 100, "00FFFFFF");

const zero = "0".repeat(32);
const linkLocal = `fe80${"0".repeat(27)}1`;
const row6 = (
  destination: string,
  prefix: string,
  hop: string,
  metric: string,
  flags: string,
  device: string,
) => `${destination} ${prefix} ${zero} 00 ${hop} ${metric} 00000001 00000000 ${flags} ${device}\n`;
const wired6 = row6(zero, "00", linkLocal, "00000400", "00000003", "eth0");

const info = (address: string, netmask: string, internal = false): NetworkInterfaceInfo =>
  address.includes(":")
    ? { address, netmask, family: "IPv6", mac: "", internal, cidr: null, scopeid: 0 }
    : { address, netmask, family: "IPv4", mac: "", internal, cidr: null };
const slash24 = "255.255.255.0";
const slash64 = "ffff:ffff:ffff:ffff::";
const everywhere = [
  { ip: "0.0.0.0", port: 6881 },
  { ip: "::", port: 6881 },
];

function system(
  more: Partial<SystemRoutes> & { readonly files?: Readonly<Record<string, string>> } = {},
): SystemRoutes {
  const files: Readonly<Record<string, string>> = more.files ?? {
    "/proc/net/route": head + wireless + local + wired,
    "/proc/net/ipv6_route": wired6,
  };
  return {
    platform: "linux",
    interfaces: {
      lo: [info("127.0.0.1", "255.0.0.0", true)],
      eth0: [
        info("10.9.9.9", slash24),
        info("192.168.1.5", slash24),
        info("fe80::5", slash64),
        info("2001:db8::5", slash64),
      ],
      wlan0: [info("10.0.0.5", slash24)],
    },
    read: (file) => files[file],
    littleEndian: true,
    ...more,
  };
}

test("the default routes of Linux are read in the machine's byte order, the best first", () => {
  deepEqual(parseProcRoute(head + wireless + local + wired, true), [
    { device: "eth0", gateway: "192.168.1.1", metric: 100 },
    { device: "wlan0", gateway: "10.0.0.1", metric: 600 },
  ]);
  const big = row("eth0", "00000000", "C0A80101", "0003", 0, "00000000");
  equal(parseProcRoute(big, false)[0]?.gateway, "192.168.1.1");
  deepEqual(parseProcIpv6Route(wired6), [{ device: "eth0", gateway: "fe80::1", metric: 1024 }]);
});

test("routes that are down, lead nowhere, or are not the default are passed over, and so is nonsense", () => {
  const others = [
    row("eth0", "00000000", "0101A8C0", "0002", 0, "00000000"),
    row("eth0", "00000000", "00000000", "0001", 0, "00000000"),
    row("eth0", "00000000", "0101A8C0", "0003", 0, "000000FF"),
    row("eth0", "0000000A", "0101A8C0", "0003", 0, "00000000"),
    row("eth0", "00000000", "0101A8", "0003", 0, "00000000"),
    "nonsense\n\n",
  ];
  deepEqual(parseProcRoute(others.join(""), true), []);
  const others6 = [
    row6(zero, "00", zero, "ffffffff", "00200200", "lo"),
    row6(zero, "40", linkLocal, "00000400", "00000003", "eth0"),
    row6(linkLocal, "00", linkLocal, "00000400", "00000003", "eth0"),
    "nonsense\n\n",
  ];
  deepEqual(parseProcIpv6Route(others6.join("")), []);
});

test("IPv4 is mapped from the address in the gateway's network, IPv6 from a global one", () => {
  deepEqual(mappableRoutes(everywhere, system()), [
    { family: 4, gateway: "192.168.1.1", local: "192.168.1.5", device: "eth0" },
    { family: 6, gateway: "fe80::1", local: "2001:db8::5", device: "eth0" },
  ]);
});

test("a node that listens on one address is mapped by the route that leaves from it, on loopback by none", () => {
  const on = (ip: string) => mappableRoutes([{ ip, port: 6881 }], system()).map(({ gateway }) => gateway);
  deepEqual(on("10.0.0.5"), ["10.0.0.1"]);
  deepEqual(on("192.168.1.5"), ["192.168.1.1"]);
  deepEqual(on("2001:db8::5"), ["fe80::1"]);
  deepEqual(on("127.0.0.1"), []);
  deepEqual(on("::1"), []);
  deepEqual(mappableRoutes([], system()), []);
});

test("a machine with a public address asks its provider's gateway for nothing", () => {
  const interfaces = { eth0: [info("198.51.101.5", slash24)] };
  deepEqual(mappableRoutes(everywhere, system({ interfaces })), []);
  const private6 = { eth0: [info("fd00::5", slash64)] };
  deepEqual(mappableRoutes(everywhere, system({ interfaces: private6 })), []);
});

test("without a table of routes there is nothing to map; elsewhere than on Linux the gateway is guessed", () => {
  deepEqual(mappableRoutes(everywhere, system({ files: {} })), []);
  const interfaces = {
    lo0: [info("127.0.0.1", "255.0.0.0", true)],
    utun1: [info("198.51.101.5", slash24)],
    bridge0: [info("192.168.64.1", slash24)],
    en0: [info("fe80::5", slash64), info("192.168.7.130", "255.255.255.128")],
  };
  deepEqual(mappableRoutes(everywhere, system({ platform: "darwin", interfaces })), [
    { family: 4, gateway: "192.168.7.129", local: "192.168.7.130", device: "en0" },
  ]);
});

test("what is of our network is told by the mask", () => {
  equal(sameSubnet("192.168.1.5", "192.168.1.200", slash24), true);
  equal(sameSubnet("192.168.1.5", "192.168.2.5", slash24), false);
  equal(sameSubnet("192.168.1.5", "2001:db8::1", slash24), false);
  equal(sameSubnet("2001:db8::1", "2001:db8::2", slash64), true);
  equal(sameSubnet("nonsense", "192.168.2.5", slash24), false);
  const { interfaces } = system();
  equal(onLink("192.168.1.1", "192.168.1.5", interfaces), true);
  equal(onLink("10.0.0.1", "192.168.1.5", interfaces), false, "of another network of ours");
  equal(onLink("8.8.8.8", "192.168.1.5", interfaces), false);
});

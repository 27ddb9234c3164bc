import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { seconds, utf8 } from "@dure/base";
import { encodeNatPmpResponse, encodePcpResponse } from "@dure/protocol";
import { DatagramGateway } from "./testing/datagram-gateway.ts";
import { IgdGateway } from "./testing/igd-gateway.ts";
import { globalRoute, homeRoute, hours, World } from "./testing/world.ts";

const pcpGateway = () => new DatagramGateway({ pcp: true, natPmp: true });
const natPmpGateway = () => new DatagramGateway({ pcp: false, natPmp: true });

test("a PCP gateway maps both protocols at once, and forgets them when told to", () => {
  const datagrams = pcpGateway();
  const world = new World({ datagrams });
  world.runUntil(1);
  deepEqual(world.heard(), [
    "0.0 pcp maps tcp to 198.51.100.7 6881",
    "0.0 pcp maps udp to 198.51.100.7 6881",
  ]);
  deepEqual(datagrams.mapped(1), ["tcp 6881→6881", "udp 6881→6881"]);
  world.tell({ type: "stop" });
  world.runUntil(3);
  deepEqual(datagrams.mapped(3), []);
  deepEqual(world.heard(), ["1.0 pcp no longer maps tcp", "1.0 pcp no longer maps udp", "1.0 stopped"]);
  equal(world.mapper.deadline(), undefined);
});

test("a mapping is renewed at half its lifetime, hour after hour, and reported once", () => {
  for (const datagrams of [pcpGateway(), natPmpGateway()]) {
    const world = new World({ datagrams });
    world.runUntil(1);
    world.heard();
    const sends = world.sent.length;
    for (let hour = 1; hour <= 48; hour += 1) {
      world.runUntil(hours(hour));
      equal(datagrams.mapped(world.now / 1000).length, 2, `hour ${hour}`);
    }
    deepEqual(world.heard(), []);
    // Two hours each: at least 48 / 1.25 and at most 48 renewals of both; NAT-PMP asks for the address with each.
    const renewals = (world.sent.length - sends) / 2;
    ok(renewals >= 38 && renewals <= 96, `${renewals}`);
  }
});

test("the first renewal of NAT-PMP is at half the lifetime that the gateway gave, not the one we asked", () => {
  const datagrams = natPmpGateway();
  datagrams.lifetimeSecondsMax = 600;
  const world = new World({ datagrams });
  world.runUntil(299);
  equal(world.sent.length, 5); // PCP once, then address and mapping for each protocol
  world.runUntil(301);
  equal(world.sent.length, 9);
});

test("a lifetime of a second, or an endless one, does not make us ask more often, or never", () => {
  const short = pcpGateway();
  short.lifetimeSecondsMax = 1;
  const world = new World({ datagrams: short });
  world.runUntil(301);
  equal(world.sent.length, 2 + 2 * 10);
  const endless = pcpGateway();
  endless.lifetimeSecondsMax = 2 ** 32 - 1;
  const other = new World({ datagrams: endless });
  other.runUntil(hours(1.3));
  equal(other.sent.length, 4);
});

test("a NAT-PMP gateway refuses PCP's version, and is asked in its own words", () => {
  const datagrams = natPmpGateway();
  const world = new World({ datagrams });
  world.runUntil(1);
  deepEqual(world.heard(), [
    "0.0 nat-pmp maps tcp to 198.51.100.7 6881",
    "0.0 nat-pmp maps udp to 198.51.100.7 6881",
  ]);
  deepEqual(datagrams.mapped(1), ["tcp 6881→6881", "udp 6881→6881"]);
  world.tell({ type: "stop" });
  world.runUntil(3);
  deepEqual(datagrams.mapped(3), []);
});

test("a gateway that keeps silent about PCP and NAT-PMP is asked by UPnP after a few seconds", () => {
  const igd = new IgdGateway(1);
  const world = new World({ igd });
  world.runUntil(10);
  deepEqual(world.heard(), [
    "3.5 upnp maps tcp to 198.51.100.7 6881",
    "3.5 upnp maps udp to 198.51.100.7 6881",
  ]);
  const times = world.sent.filter(({ bytes }) => bytes.startsWith("0201")).map(({ at }) => at);
  deepEqual(times.slice(0, 3), [0, 0.25, 0.75]);
});

test("a gateway whose system says that nobody listens there is asked by UPnP at once", () => {
  const world = new World({ igd: new IgdGateway(1), unreachable: true });
  world.runUntil(1);
  deepEqual(world.heard(), [
    "0.0 upnp maps tcp to 198.51.100.7 6881",
    "0.0 upnp maps udp to 198.51.100.7 6881",
  ]);
});

test("where there is no gateway it is said once a round, and tried again more and more seldom", () => {
  const world = new World({});
  world.runUntil(hours(4));
  const failures = "not mapped: pcp silent, nat-pmp silent, upnp not-found";
  const heard = world.heard();
  ok(heard.every((line) => line.endsWith(failures)));
  const times = heard.map((line) => Math.round(Number.parseFloat(line) / 60));
  // The second round asks nine times each, over more than four minutes.
  deepEqual(times.slice(0, 5), [0, 5, 14, 28, 53]);
  ok(heard.length < 10, "at most once an hour in the end");
});

test("the rounds after the first wait as long as RFC 6886 says: nine tries, a quarter of a second doubled", () => {
  const world = new World({});
  world.runUntil(32);
  const from = world.sent.length;
  world.runUntil(160);
  const round = world.sent.slice(from - 3).filter(({ at, bytes }) => at > 30 && bytes.startsWith("0201"));
  const first = round[0]?.at ?? 0;
  deepEqual(
    round.slice(0, 9).map(({ at }) => at - first),
    [0, 0.25, 0.75, 1.75, 3.75, 7.75, 15.75, 31.75, 63.75],
  );
});

test("a slow gateway is not left with a mapping that nobody renews", () => {
  const datagrams = pcpGateway();
  const world = new World({ datagrams, igd: new IgdGateway(1), latency: 3000 });
  world.runUntil(60);
  ok(world.heard().some((line) => line.includes("upnp maps tcp")));
  deepEqual(datagrams.mapped(60), []);
});

test("another port outside is reported as it is, and UDP wishes for the one that TCP got", () => {
  const datagrams = pcpGateway();
  datagrams.otherPort = 50_000;
  const world = new World({ datagrams });
  world.runUntil(1);
  deepEqual(world.heard(), [
    "0.0 pcp maps tcp to 198.51.100.7 50000",
    "0.0 pcp maps udp to 198.51.100.7 50000",
  ]);
  ok((world.sent[1]?.bytes ?? "").includes("1ae1c350"), "internal 6881, suggested 50000");
});

test("a gateway that has rebooted and says so gets its mappings back within seconds", () => {
  for (const datagrams of [pcpGateway(), natPmpGateway()]) {
    const world = new World({ datagrams });
    world.runUntil(600);
    datagrams.reboot(600);
    world.announce(datagrams.announcement(600));
    deepEqual(datagrams.mapped(600), []);
    world.runUntil(606);
    deepEqual(datagrams.mapped(606), ["tcp 6881→6881", "udp 6881→6881"]);
  }
});

test("a gateway that has rebooted and keeps it to itself is found out by its clock at the next renewal", () => {
  for (const datagrams of [pcpGateway(), natPmpGateway()]) {
    const world = new World({ datagrams });
    world.runUntil(600);
    datagrams.reboot(600);
    world.runUntil(hours(1.3));
    deepEqual(datagrams.mapped(hours(1.3)), ["tcp 6881→6881", "udp 6881→6881"]);
  }
});

test("a new address outside is reported, whether it was announced or met at a renewal", () => {
  const announced = natPmpGateway();
  const world = new World({ datagrams: announced });
  world.runUntil(10);
  world.heard();
  announced.externalIp = "198.51.100.8";
  world.announce(announced.announcement(10));
  deepEqual(world.heard(), [
    "10.0 nat-pmp maps tcp to 198.51.100.8 6881",
    "10.0 nat-pmp maps udp to 198.51.100.8 6881",
  ]);
  const met = pcpGateway();
  const other = new World({ datagrams: met });
  other.runUntil(10);
  met.externalIp = "198.51.100.8";
  other.heard();
  other.runUntil(hours(1.3));
  equal(other.heard().length, 2);
});

test("a gateway that refuses by PCP and NAT-PMP is asked by UPnP, and its refusals are not asked away", () => {
  const datagrams = pcpGateway();
  datagrams.pcpRefusal = "not-authorized";
  datagrams.natPmpRefusal = "not-authorized";
  const world = new World({ datagrams, igd: new IgdGateway(2) });
  world.runUntil(10);
  deepEqual(world.heard(), [
    "0.0 upnp maps tcp to 198.51.100.7 6881",
    "0.0 upnp maps udp to 198.51.100.7 6881",
  ]);
  equal(world.sent.length, 2 + 4); // each kind once a protocol, NAT-PMP with the address
});

test("a gateway that goes away is noticed, reported, and found again when it is back", () => {
  const datagrams = pcpGateway();
  const world = new World({ datagrams });
  world.runUntil(hours(1));
  world.heard();
  datagrams.silent = true;
  world.runUntil(hours(2));
  const lost = world.heard();
  deepEqual(
    lost.slice(0, 2).map((line) => line.replace(/^\S+ /, "")),
    ["pcp no longer maps tcp", "pcp no longer maps udp"],
  );
  datagrams.silent = false;
  world.runUntil(hours(3.5));
  deepEqual(datagrams.mapped(hours(3.5)), ["tcp 6881→6881", "udp 6881→6881"]);
});

test("after sleep what is mapped is asked for anew at once", () => {
  const datagrams = pcpGateway();
  const world = new World({ datagrams });
  world.runUntil(10);
  datagrams.entries.clear();
  world.tell({ type: "recheck" });
  world.runUntil(11);
  deepEqual(datagrams.mapped(11), ["tcp 6881→6881", "udp 6881→6881"]);
});

test("in another network the old mappings are reported gone, and the new gateway is asked", () => {
  const datagrams = pcpGateway();
  const routes = [homeRoute];
  const world = new World({ datagrams, routes });
  world.runUntil(10);
  world.heard();
  world.tell({ type: "routes", routes: [homeRoute] });
  deepEqual(world.heard(), [], "nothing has changed");
  routes[0] = { family: 4, gateway: "10.0.0.1", local: "10.0.0.5" };
  world.tell({ type: "routes", routes });
  world.runUntil(11);
  deepEqual(world.heard(), [
    "10.0 pcp no longer maps tcp",
    "10.0 pcp no longer maps udp",
    "10.0 pcp maps tcp to 198.51.100.7 6881",
    "10.0 pcp maps udp to 198.51.100.7 6881",
  ]);
  world.tell({ type: "routes", routes: [] });
  equal(world.mapper.deadline(), undefined, "without a network nobody is asked");
});

test("with a global IPv6 address PCP opens a pinhole beside the IPv4 mapping", () => {
  const datagrams = pcpGateway();
  const world = new World({ datagrams, routes: [homeRoute, globalRoute] });
  world.runUntil(1);
  deepEqual(world.heard().toSorted(), [
    "0.0 pcp maps tcp to 198.51.100.7 6881",
    "0.0 pcp maps tcp6 to 2001:db8::7 6881",
    "0.0 pcp maps udp to 198.51.100.7 6881",
    "0.0 pcp maps udp6 to 2001:db8::7 6881",
  ]);
  equal(datagrams.mapped(1).length, 4);
  world.tell({ type: "stop" });
  world.runUntil(3);
  equal(datagrams.mapped(3).length, 0);
});

test("whatever the gateway does, stopping takes a second at most", () => {
  const silentOnes = [
    new World({}),
    new World({ datagrams: pcpGateway() }),
    new World({ igd: new IgdGateway(1) }),
  ];
  for (const [index, world] of silentOnes.entries()) {
    world.runUntil(index === 0 ? 0.3 : 10);
    const { datagrams, igd } = world.home;
    if (datagrams !== undefined) datagrams.silent = true;
    if (igd !== undefined) igd.answer = () => ({ status: 200, body: utf8("") });
    world.heard();
    const from = world.now / 1000;
    world.tell({ type: "stop" });
    world.runUntil(from + 5);
    const last = world.heard().at(-1) ?? "";
    ok(last.endsWith(" stopped") && Number.parseFloat(last) <= from + 1, last);
  }
  const resting = new World({});
  resting.runUntil(20);
  resting.heard();
  resting.tell({ type: "stop" });
  deepEqual(resting.heard(), ["20.0 stopped"]);
});

test("answers that are not to us change nothing", () => {
  const datagrams = pcpGateway();
  const world = new World({ datagrams });
  world.runUntil(1);
  world.heard();
  const mapping = {
    nonce: new Uint8Array(12).fill(9),
    protocol: "tcp",
    internalPort: 6881,
    externalPort: 1,
    externalIp: "198.51.100.66",
  } as const;
  const epochSeconds = 1001;
  world.announce(encodePcpResponse({ type: "mapped", epochSeconds, lifetime: seconds(9), mapping }));
  const other = { ...mapping, nonce: Uint8Array.from({ length: 12 }, (_, index) => index), internalPort: 80 };
  world.announce(encodePcpResponse({ type: "mapped", epochSeconds, lifetime: seconds(9), mapping: other }));
  world.announce(
    encodeNatPmpResponse({ type: "refused", epochSeconds, protocol: "tcp", result: "not-authorized" }),
  );
  world.announce(utf8("nonsense"));
  world.tell({ type: "datagram", family: 6, bytes: datagrams.announcement(1) });
  world.tell({ type: "http-reply", request: 7, status: 200, body: utf8("x") });
  world.runUntil(60);
  deepEqual(world.heard(), []);
  deepEqual(datagrams.mapped(60), ["tcp 6881→6881", "udp 6881→6881"]);
});

test("a gateway that takes one protocol alone is used for that one", () => {
  const datagrams = pcpGateway();
  const answer = datagrams.answer.bind(datagrams);
  datagrams.answer = (now, from, bytes) => {
    datagrams.pcpRefusal = bytes[36] === 6 ? "no-resources" : undefined;
    return answer(now, from, bytes);
  };
  const world = new World({ datagrams });
  world.runUntil(20);
  deepEqual(world.heard(), ["0.0 pcp maps udp to 198.51.100.7 6881"]);
  const sends = world.sent.length;
  world.runUntil(31);
  equal(world.sent.length, sends + 1, "the refusal said 30 seconds");
  deepEqual(datagrams.mapped(31), ["udp 6881→6881"]);
});

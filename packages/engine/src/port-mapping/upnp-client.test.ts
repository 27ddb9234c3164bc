import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { utf8 } from "@dure/base";
import { IgdGateway } from "./testing/igd-gateway.ts";
import { type Home, homeRoute, hours, World } from "./testing/world.ts";

const client = homeRoute.local;
const another = { client: "192.168.1.9", internalPort: 6881, leaseSeconds: 0, description: "other" };
const both = ["tcp 6881→6881", "udp 6881→6881"];

/** A home whose gateway has no PCP and no NAT-PMP, and says so. */
function withIgd(igd: IgdGateway, home: Partial<Home> = {}): World {
  const world = new World({ igd, unreachable: true, ...home });
  world.runUntil(10);
  return world;
}

test("gateways of version 1 and 2 map, each asked in its own words, and forget when told to", () => {
  const asked = { 1: "AddPortMapping", 2: "AddAnyPortMapping" } as const;
  for (const version of [1, 2] as const) {
    const igd = new IgdGateway(version);
    const world = withIgd(igd);
    deepEqual(igd.mapped(client), both);
    deepEqual(
      [...igd.entries.values()].map(({ leaseSeconds }) => leaseSeconds),
      [3600, 3600],
    );
    ok(igd.asked.includes(asked[version]));
    world.heard();
    world.tell({ type: "stop" });
    world.runUntil(12);
    deepEqual(igd.mapped(client), []);
    deepEqual(world.heard(), [
      "10.0 upnp no longer maps tcp",
      "10.0 upnp no longer maps udp",
      "10.0 stopped",
    ]);
  }
});

test("a lease is renewed at half its hour, and its mapping stays the same", () => {
  for (const version of [1, 2] as const) {
    const igd = new IgdGateway(version);
    const world = withIgd(igd);
    world.heard();
    igd.asked.length = 0;
    world.runUntil(hours(10));
    equal(igd.asked.filter((action) => action === "AddPortMapping").length, 2 * 19);
    equal(igd.entries.size, 2);
    deepEqual(world.heard(), []);
  }
});

test("a gateway that grants only permanent leases gets one, and is told when we leave (725)", () => {
  for (const version of [1, 2] as const) {
    const igd = new IgdGateway(version);
    igd.permanentOnly = true;
    const world = withIgd(igd);
    deepEqual(igd.mapped(client), both);
    deepEqual(
      [...igd.entries.values()].map(({ leaseSeconds }) => leaseSeconds),
      [0, 0],
    );
    world.tell({ type: "stop" });
    world.runUntil(12);
    equal(igd.entries.size, 0);
  }
});

test("another's mapping is left alone: the next port is asked for, and UDP follows it (718)", () => {
  for (const overwrites of [false, true]) {
    const igd = new IgdGateway(1);
    igd.overwrites = overwrites;
    igd.entries.set("tcp 6881", another);
    igd.entries.set("tcp 6882", another);
    const world = withIgd(igd);
    deepEqual(igd.mapped(client), ["tcp 6883→6881", "udp 6883→6881"]);
    deepEqual(igd.mapped(another.client), ["tcp 6881→6881", "tcp 6882→6881"]);
    deepEqual(
      world.heard().map((line) => line.replace(/^\S+ /, "")),
      ["upnp maps tcp to 198.51.100.7 6883", "upnp maps udp to 198.51.100.7 6883"],
    );
  }
});

test("a gateway of version 2 picks another port itself, and that one is removed at the end", () => {
  const igd = new IgdGateway(2);
  igd.entries.set("tcp 6881", another);
  const world = withIgd(igd);
  deepEqual(igd.mapped(client), ["tcp 7881→6881", "udp 7881→6881"]);
  world.tell({ type: "stop" });
  world.runUntil(12);
  deepEqual([...igd.entries.keys()], ["tcp 6881"]);
});

test("what an earlier run of ours left behind is taken over", () => {
  const igd = new IgdGateway(1);
  igd.entries.set("tcp 6881", { ...another, client });
  withIgd(igd);
  deepEqual(igd.mapped(client), both);
});

test("a gateway on which every port is taken is given up, until later", () => {
  const igd = new IgdGateway(1);
  for (let port = 6881; port < 6999; port += 1)
    for (const protocol of ["tcp", "udp"]) igd.entries.set(`${protocol} ${port}`, another);
  const world = withIgd(igd);
  deepEqual(
    world.heard().map((line) => line.replace(/^\S+ /, "")),
    ["not mapped: pcp unreachable, nat-pmp unreachable, upnp refused"],
  );
  ok(igd.asked.length < 30);
});

test("a gateway that calls itself version 2 and is not is asked as version 1", () => {
  const igd = new IgdGateway(2);
  igd.halfVersion2 = true;
  withIgd(igd);
  deepEqual(igd.mapped(client), both);
});

test("a gateway that authorizes nobody is asked once a protocol and round (606)", () => {
  const igd = new IgdGateway(2);
  igd.refusal = 606;
  const world = withIgd(igd);
  deepEqual(igd.asked, ["GetExternalIPAddress", "AddAnyPortMapping", "AddAnyPortMapping"]);
  ok(world.heard()[0]?.endsWith("upnp refused"));
});

test("a gateway that has rebooted gets its mappings back at the next renewal", () => {
  const igd = new IgdGateway(1);
  const world = withIgd(igd);
  igd.entries.clear();
  world.runUntil(hours(0.6));
  deepEqual(igd.mapped(client), both);
});

test("a gateway that has given our port to another while it was away yields us the next one", () => {
  const igd = new IgdGateway(1);
  const world = withIgd(igd);
  world.heard();
  igd.entries.clear();
  igd.entries.set("tcp 6881", another);
  world.runUntil(hours(0.6));
  deepEqual(igd.mapped(client), ["tcp 6882→6881", "udp 6881→6881"]);
  deepEqual(
    world.heard().map((line) => line.replace(/^\S+ /, "")),
    ["upnp no longer maps tcp", "upnp maps tcp to 198.51.100.7 6882"],
  );
});

test("a new address outside is met at the next renewal", () => {
  const igd = new IgdGateway(1);
  const world = withIgd(igd);
  world.heard();
  igd.externalIp = "198.51.100.8";
  world.runUntil(hours(0.6));
  ok(world.heard()[0]?.endsWith("upnp maps tcp to 198.51.100.8 6881"));
});

test("a device that sends us elsewhere is not followed: not by its answer, not by its description (SSRF)", () => {
  for (const location of [
    "http://127.0.0.1:6881/rootDesc.xml",
    "http://169.254.169.254/rootDesc.xml",
    "http://192.168.1.2:5000/rootDesc.xml",
    "http://router.local/rootDesc.xml",
  ]) {
    const world = withIgd(new IgdGateway(1), { location });
    deepEqual(world.requests, [], location);
    ok(world.heard()[0]?.endsWith("upnp not-found"));
  }
  for (const control of ["http://127.0.0.1:80/ctl", "//192.168.1.2/ctl", "http://router.local/ctl"]) {
    const igd = new IgdGateway(1);
    igd.control = control;
    const world = withIgd(igd);
    deepEqual(
      world.requests.map(({ target }) => target),
      ["192.168.1.1:5000/rootDesc.xml"],
      control,
    );
    ok(world.heard()[0]?.endsWith("upnp unsupported"));
  }
});

test("the default gateway is asked before another device that calls itself one, which is asked if it fails", () => {
  const igd = new IgdGateway(1);
  const world = new World({ igd, unreachable: true, location: "http://192.168.1.1:1/gone.xml" });
  const other = igd.searchAnswer("http://192.168.1.3:5000/rootDesc.xml");
  world.tell({ type: "search-reply", from: "192.168.1.3", bytes: other });
  world.runUntil(1);
  deepEqual(
    world.requests.slice(0, 2).map(({ target }) => target),
    ["192.168.1.1:1/gone.xml", "192.168.1.3:5000/rootDesc.xml"],
  );
  deepEqual(igd.mapped(client), both);
});

test("a thousand devices that call themselves gateways are four", () => {
  const igd = new IgdGateway(1);
  const world = new World({ unreachable: true });
  for (let port = 1; port <= 1000; port += 1) {
    const bytes = igd.searchAnswer(`http://192.168.1.3:${port}/x`);
    world.tell({ type: "search-reply", from: "192.168.1.3", bytes });
  }
  world.runUntil(20);
  equal(world.requests.length, 4);
});

test("a request that breaks makes us ask elsewhere; what it may have added is taken back", () => {
  const igd = new IgdGateway(1);
  // Description, address, look: then the addition is done and its answer lost.
  const world = withIgd(igd, { httpFailures: 0 });
  deepEqual(igd.mapped(client), both);
  const answer = igd.answer.bind(igd);
  igd.answer = (request) => {
    answer(request);
    return { status: 200, body: utf8("<broken") };
  };
  world.heard();
  world.runUntil(hours(0.6));
  ok(world.heard().some((line) => line.includes("no longer maps tcp")));
  const broken = withIgd(new IgdGateway(1), { httpFailures: 1 });
  ok(broken.heard()[0]?.endsWith("upnp unreachable"));
});

test("what is being added when we are told to stop is removed once it is there", () => {
  const igd = new IgdGateway(1);
  const world = new World({ igd, unreachable: true, latency: 100 });
  // Unreachable twice and found at 0.2 s; then description, address, look, add: it is there at 0.6 s.
  for (let tenth = 1; tenth <= 12; tenth += 1) {
    const story = new World({ igd: new IgdGateway(1), unreachable: true, latency: 100 });
    story.runUntil(tenth / 10 + 0.05);
    story.tell({ type: "stop" });
    story.runUntil(5);
    equal(story.home.igd?.entries.size, 0, `stopped at ${tenth / 10}`);
    ok(story.heard().at(-1)?.endsWith("stopped"));
  }
  world.runUntil(10);
  equal(igd.entries.size, 2);
});

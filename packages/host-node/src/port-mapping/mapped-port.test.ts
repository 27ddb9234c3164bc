import { deepEqual, equal, ok } from "node:assert/strict";
import type { IncomingMessage, ServerResponse } from "node:http";
import { test } from "node:test";
import { Prng } from "@dure/base";
import { mutate } from "@dure/base/testing";
import { DatagramGateway, IgdGateway } from "@dure/engine/port-mapping/testing";
import { xmlBytesMax } from "@dure/protocol";
import { until } from "../net/testing/net-world.ts";
import { MappedPort, type MappedPortOptions, type PortReport } from "./mapped-port.ts";
import { IgdServer, UdpGateway } from "./testing/index.ts";

// The gateway is a loopback address beside ours: real sockets, and nobody else's network.
const gatewayIp = "127.0.0.2";
const route = { family: 4, gateway: gatewayIp, local: "127.0.0.1", device: "lo" } as const;
const both = ["tcp 6881→6881", "udp 6881→6881"];
const limit = { timeout: 30_000 };

interface Mapped extends AsyncDisposable {
  readonly port: MappedPort;
  readonly reports: readonly PortReport[];
}

function open(options: Partial<MappedPortOptions>): Mapped {
  const reports: PortReport[] = []; // bounded by the story
  const port = new MappedPort({
    port: 6881,
    listening: () => [],
    routes: () => [route],
    onReport: (report) => reports.push(report),
    // A port on which nobody listens, so that the system says so at once.
    gatewayPort: 9,
    announcementPort: 0,
    searchAt: { ip: gatewayIp, port: 9 },
    ...options,
  });
  return { port, reports, [Symbol.asyncDispose]: () => port.close() };
}

for (const [name, speaks, kind] of [
  ["PCP", { pcp: true, natPmp: true }, "pcp"],
  ["NAT-PMP", { pcp: false, natPmp: true }, "nat-pmp"],
] as const) {
  test(`a ${name} gateway maps, and forgets when the port is closed`, limit, async () => {
    await using server = await UdpGateway.open({
      ip: gatewayIp,
      port: 0,
      gateway: new DatagramGateway(speaks),
    });
    await using mapped = open({ gatewayPort: server.port });
    await until(() => server.mapped().length === 2, "both are mapped");
    deepEqual(server.mapped(), both);
    await until(
      () => mapped.reports.some((report) => "externalIp" in report && report.externalIp !== undefined),
      "told",
    );
    const last = mapped.reports.at(-1);
    ok(last?.type === "port-mapped" && last.kind === kind && last.externalIp === "198.51.100.7");
    const from = performance.now();
    await mapped.port.close();
    deepEqual(server.mapped(), []);
    ok(performance.now() - from < 1000);
  });
}

for (const version of [1, 2] as const) {
  test(`a UPnP gateway of version ${version} maps, and forgets when the port is closed`, limit, async () => {
    const gateway = new IgdGateway(version);
    await using server = await IgdServer.open({ ip: gatewayIp, search: "own", gateway });
    await using mapped = open({ searchAt: server.searchAt });
    await until(() => mapped.reports.length === 2, "both are told");
    deepEqual(gateway.mapped("127.0.0.1"), both);
    equal(server.requests[0], "GET /rootDesc.xml");
    await mapped.port.close();
    deepEqual(gateway.mapped("127.0.0.1"), []);
  });
}

test("a gateway that restarts and announces it gets its mappings back", limit, async () => {
  for (const natPmp of [false, true]) {
    const gateway = new DatagramGateway({ pcp: !natPmp, natPmp });
    await using server = await UdpGateway.open({ ip: gatewayIp, port: 0, gateway });
    const announcementPort = 20_000 + (process.pid % 20_000);
    await using mapped = open({ gatewayPort: server.port, announcementPort });
    await until(() => mapped.reports.length >= 2, "both are told");
    server.reboot({ ip: "127.0.0.1", port: announcementPort });
    deepEqual(server.mapped(), []);
    await until(() => server.mapped().length === 2, "both are mapped again", 10_000);
  }
});

test("a gateway that is slow is waited for", limit, async () => {
  const gateway = new DatagramGateway({ pcp: true, natPmp: false });
  await using server = await UdpGateway.open({ ip: gatewayIp, port: 0, gateway, slow: 600 });
  await using mapped = open({ gatewayPort: server.port });
  await until(() => mapped.reports.length === 2, "both are told", 10_000);
  equal(mapped.reports[0]?.type, "port-mapped");
});

test(
  "where nobody answers, closing takes about a second at most, before and after it is given up",
  limit,
  async () => {
    for (const wait of [0, 100]) {
      const gateway = new DatagramGateway({ pcp: true, natPmp: true });
      gateway.silent = true;
      await using server = await UdpGateway.open({ ip: gatewayIp, port: 0, gateway });
      await using mapped = open({ gatewayPort: server.port });
      await new Promise((done) => setTimeout(done, wait));
      const from = performance.now();
      await mapped.port.close();
      ok(performance.now() - from < 1400, `${performance.now() - from}`);
      equal(mapped.reports.length, 0);
    }
  },
);

test("without a route nothing is opened, and a route that comes later is used", limit, async () => {
  const gateway = new DatagramGateway({ pcp: true, natPmp: true });
  await using server = await UdpGateway.open({ ip: gatewayIp, port: 0, gateway });
  let routes: readonly (typeof route)[] = [];
  await using mapped = open({ gatewayPort: server.port, routes: () => routes });
  await new Promise((done) => setTimeout(done, 50));
  equal(server.received, 0);
  routes = [route];
  mapped.port.networkChanged();
  await until(() => server.mapped().length === 2, "both are mapped");
  routes = [];
  mapped.port.networkChanged();
  equal(mapped.reports.at(-1)?.type, "port-unmapped");
});

test("after sleep the mappings are asked for anew", limit, async () => {
  const gateway = new DatagramGateway({ pcp: true, natPmp: true });
  await using server = await UdpGateway.open({ ip: gatewayIp, port: 0, gateway });
  await using mapped = open({ gatewayPort: server.port });
  await until(() => mapped.reports.length === 2, "both are told");
  gateway.entries.clear();
  mapped.port.slept();
  await until(() => server.mapped().length === 2, "both are mapped again");
});

test(
  "a device that is not of the local network is not believed, one that sends us elsewhere not followed",
  limit,
  async () => {
    await using victim = await IgdServer.open({ ip: "127.0.0.3", search: "own", gateway: new IgdGateway(1) });
    const told = `http://127.0.0.3:${victim.port}/rootDesc.xml`;
    await using liar = await IgdServer.open({
      ip: gatewayIp,
      search: "own",
      gateway: new IgdGateway(1),
      location: told,
    });
    await using first = open({ searchAt: liar.searchAt });
    const gateway = new IgdGateway(1);
    gateway.control = `http://127.0.0.3:${victim.port}/ctl/IPConn`;
    await using describer = await IgdServer.open({ ip: gatewayIp, search: "own", gateway });
    await using second = open({ searchAt: describer.searchAt });
    const redirect = (_request: IncomingMessage, response: ServerResponse) => {
      response.writeHead(302, { Location: told }).end();
      return true;
    };
    await using sender = await IgdServer.open({
      ip: gatewayIp,
      search: "own",
      gateway: new IgdGateway(1),
      instead: redirect,
    });
    await using third = open({ searchAt: sender.searchAt });
    const alone = () => [first, second, third].every(({ reports }) => reports[0]?.type === "port-not-mapped");
    await until(alone, "all are given up", 10_000);
    ok(liar.searches > 0 && describer.requests.length === 1 && sender.requests.length === 1);
    deepEqual(victim.requests, []);
  },
);

test("a UPnP gateway that says too much, too little, or nothing is given up in time", limit, async () => {
  const ways: Readonly<Record<string, (request: IncomingMessage, response: ServerResponse) => boolean>> = {
    endless: (_request, response) => {
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(64 * 1024, "<a>")));
      };
      response.on("drain", more).on("error", () => {});
      more();
      return true;
    },
    "too long": (_request, response) => {
      response.end(Buffer.alloc(xmlBytesMax + 1, " "));
      return true;
    },
    silent: () => true,
    halting: (_request, response) => {
      response.write("<root>");
      return true;
    },
    broken: (request) => {
      request.socket.end("garbage\r\n\r\n");
      return true;
    },
    empty: (_request, response) => {
      response.end();
      return true;
    },
  };
  await Promise.all(
    Object.entries(ways).map(async ([way, instead]) => {
      await using server = await IgdServer.open({
        ip: gatewayIp,
        search: "own",
        gateway: new IgdGateway(1),
        instead,
      });
      await using mapped = open({ searchAt: server.searchAt });
      await until(() => mapped.reports.length > 0, way, 15_000);
      equal(mapped.reports[0]?.type, "port-not-mapped", way);
      equal(server.requests.length, 1, way);
    }),
  );
});

test("a gateway that answers with garbage, or with a thousand answers, does no harm", limit, async () => {
  const prng = new Prng(7);
  const spoil = (answer: Uint8Array) => Array.from({ length: 1000 }, () => mutate(prng, [answer]));
  const gateway = new DatagramGateway({ pcp: true, natPmp: true });
  await using server = await UdpGateway.open({ ip: gatewayIp, port: 0, gateway, spoil });
  await using mapped = open({ gatewayPort: server.port });
  await until(() => server.received > 0, "it was asked");
  await new Promise((done) => setTimeout(done, 500));
  ok(server.received < 200, `${server.received} asked`);
  await mapped.port.close();
});

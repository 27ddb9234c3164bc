/**
 * A gateway as a program, on the real ports: `gateway-main.ts KIND IP...`. It prints what is mapped as a line of JSON each
 * time that changes, restarts at the line "reboot", and ends with its standard input. The kind "other" is a PCP gateway that
 * gives port 50000, and a tracker that prints each announce.
 */
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { URL } from "node:url";
import { DatagramGateway, IgdGateway } from "@dure/engine/port-mapping/testing";
import { gatewayAnnouncementPort, gatewayPort } from "@dure/protocol";
import { IgdServer } from "./igd-server.ts";
import { UdpGateway } from "./udp-gateway.ts";

const [kind = "", ...ips] = process.argv.slice(2);

if (kind === "pcp" || kind === "nat-pmp" || kind === "other") {
  const gateway = new DatagramGateway({ pcp: kind !== "nat-pmp", natPmp: true });
  if (kind === "other") {
    gateway.otherPort = 50_000;
    const tracker = createServer((request, response) => {
      const told = new URL(request.url ?? "/", "http://tracker").searchParams;
      tell(`${told.get("event")} ${told.get("port")}`);
      response.end("d8:intervali1800e5:peers0:e");
    });
    await new Promise<void>((listening) => tracker.listen(6969, ips[0], listening));
  }
  const say = () => tell(gateway.mapped(performance.now() / 1000));
  const servers = await Promise.all(
    ips.map((ip) => UdpGateway.open({ ip, port: gatewayPort, gateway, onChange: say })),
  );
  tell("ready");
  createInterface({ input: process.stdin }).on("line", () => {
    servers[0]?.reboot({ ip: "224.0.0.1", port: gatewayAnnouncementPort });
    say();
  });
} else {
  const gateway = new IgdGateway(kind === "igd2" ? 2 : 1);
  const say = () =>
    tell([...gateway.entries].map(([place, entry]) => `${place}→${entry.internalPort}`).sort());
  await IgdServer.open({ ip: ips[0] ?? "", search: "group", gateway, onChange: say });
  tell("ready");
}
process.stdin.on("end", () => process.exit(0)).resume();

function tell(what: unknown): void {
  process.stdout.write(`${JSON.stringify(what)}\n`);
}

/**
 * A gateway as a program, on the real ports: `gateway-main.ts KIND IP...`. It prints what is mapped as a line of JSON each
 * time that changes, restarts at the line "reboot", and ends with its standard input.
 */
import { createInterface } from "node:readline";
import { DatagramGateway, IgdGateway } from "@dure/engine/port-mapping/testing";
import { gatewayAnnouncementPort, gatewayPort } from "@dure/protocol";
import { IgdServer } from "./igd-server.ts";
import { UdpGateway } from "./udp-gateway.ts";

const [kind = "", ...ips] = process.argv.slice(2);

if (kind === "pcp" || kind === "nat-pmp") {
  const gateway = new DatagramGateway({ pcp: kind === "pcp", natPmp: true });
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

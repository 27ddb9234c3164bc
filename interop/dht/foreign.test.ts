import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { bittorrentDht, libtorrentDht, Processes } from "../clients/index.ts";
import { cellsOf, fill, titleOf } from "./cells.ts";
import { type ClosedNetwork, openClosedNetwork } from "./network.ts";

// Foreign nodes alone: what fails here is the closed network's fault, or theirs.
const required = process.env.DURE_INTEROP === "required";
const processes = new Processes();
const programs = [libtorrentDht(processes), bittorrentDht(processes)];
const count = 6;

const absent: string[] = [];
for (const program of programs) if ((await program.version()) === undefined) absent.push(program.name);
const why = absent.length > 0 ? `not installed: ${absent.join(", ")}` : undefined;

test("the foreign DHT programs are installed", { skip: required ? false : why }, () => {
  if (why !== undefined) throw new Error(why);
});

suite("foreign DHT nodes serve one another", { skip: why ?? false, concurrency: 4 }, () => {
  let network: ClosedNetwork;
  before(async () => {
    network = await openClosedNetwork(programs, { count, work: join(processes.scratch, "foreign") });
  });
  after(() => network.stop());
  for (const cell of cellsOf(programs.map(({ name }) => name)))
    test(titleOf(cell), () => fill(network, cell));
});

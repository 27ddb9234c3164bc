import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { parseSize } from "@dure/base";
import { openBench } from "./bench.ts";
import { dht } from "./dht.ts";
import { dhtGoals, dhtTable } from "./dht-report.ts";
import { goalLines } from "./goals.ts";
import { machine } from "./machine.ts";
import { start, startTable } from "./start.ts";
import { describeRun, type Pair, transfer } from "./transfer.ts";
import { transferTable } from "./transfer-report.ts";
import { verify, verifyTable } from "./verify.ts";

const usage = `npm run bench -- transfer [--pairs LEECHER:SEEDER[+mse],...|ours|foreign] [--runs 3] [--size 1GiB] [--piece 1MiB]
npm run bench -- verify   [--programs NAME,...] [--runs 3] [--size 1GiB] [--piece 1MiB]
npm run bench -- start    [--programs NAME,...]
npm run bench -- dht      [--programs NAME,...] [--runs 3]
                          each: [--quiet-within SECONDS] [--json FILE]

Programs: dure, libtorrent, aria2, transmission, webtorrent; of dht: dure, libtorrent, bittorrent-dht. --quiet-within: before each run wait, at most so
long, until nobody else uses the machine.
`;

const foreign = [
  "libtorrent:aria2",
  "libtorrent:libtorrent",
  "libtorrent:webtorrent",
  "libtorrent:transmission",
  "aria2:aria2",
  "aria2:libtorrent",
  "webtorrent:aria2",
  "webtorrent:libtorrent",
  "transmission:libtorrent",
];
const ours = [
  "dure:libtorrent",
  "dure:aria2",
  "dure:webtorrent",
  "dure:transmission",
  "dure:dure",
  "libtorrent:dure",
  "aria2:dure",
  "webtorrent:dure",
  "transmission:dure",
];

// `exit` handlers end the children and remove namespaces and scratch folder.
process.once("SIGINT", () => process.exit(130));
process.once("SIGTERM", () => process.exit(143));

process.exitCode = await main();

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      pairs: { type: "string" },
      programs: { type: "string" },
      runs: { type: "string", default: "3" },
      size: { type: "string", default: "1GiB" },
      piece: { type: "string", default: "1MiB" },
      "quiet-within": { type: "string", default: "0" },
      json: { type: "string" },
    },
  });
  const about = machine();
  const programs = values.programs?.split(",");
  const options = {
    ...(programs === undefined ? {} : { programs }),
    runs: Number(values.runs),
    bytes: size(values.size),
    pieceBytes: size(values.piece),
    quietWithin: Number(values["quiet-within"]) * 1000,
    progress: (line: string) => void process.stderr.write(`${line}\n`),
  };
  const publish = (text: string, report: object): number => {
    process.stdout.write(`${text}\n`);
    if (values.json !== undefined) {
      const { progress: _, ...parameters } = options;
      writeFileSync(values.json, `${JSON.stringify({ machine: about, parameters, ...report }, null, 2)}\n`);
    }
    return 0;
  };
  switch (positionals[0]) {
    case "transfer": {
      const report = await transfer(openBench(), {
        ...options,
        pairs: pairs(values.pairs),
        progress: (label, outcome) =>
          options.progress(`${label}: ${outcome instanceof Error ? outcome.message : describeRun(outcome)}`),
      });
      const goals = goalLines(report.results);
      return publish([transferTable(report), "", ...goals].join("\n").trimEnd(), { ...report, goals });
    }
    case "verify": {
      const results = await verify(openBench(), options);
      return publish(verifyTable(results), { results });
    }
    case "start": {
      const report = await start(openBench(), options);
      return publish(startTable(report), report);
    }
    case "dht": {
      const report = await dht(openBench(), options);
      const goals = dhtGoals(report);
      return publish([dhtTable(report), "", ...goals].join("\n").trimEnd(), { ...report, goals });
    }
    default:
      process.stderr.write(usage);
      return 2;
  }
}

function pairs(text: string | undefined): Pair[] {
  const names =
    text === undefined
      ? [...ours, ...foreign]
      : text === "ours"
        ? ours
        : text === "foreign"
          ? foreign
          : text.split(",");
  return names.map((name) => {
    const [leecher = "", seeder = ""] = name.replace(/\+mse$/, "").split(":");
    return { leecher, seeder, ...(name.endsWith("+mse") ? { encrypted: true as const } : {}) };
  });
}

function size(text: string): number {
  const bytes = parseSize(text);
  if (bytes === undefined) throw new Error(`not a size: ${text}`);
  return bytes;
}

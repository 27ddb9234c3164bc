import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { parseSize } from "@dure/base";
import { openBench } from "./bench.ts";
import { machine } from "./machine.ts";
import { type Pair, transfer } from "./transfer.ts";
import { transferTable } from "./transfer-report.ts";

const usage = `npm run bench -- transfer [--pairs LEECHER:SEEDER,...] [--runs 3] [--size 1GiB] [--piece 1MiB] [--json FILE]`;

const foreign =
  "libtorrent:aria2 libtorrent:libtorrent libtorrent:webtorrent aria2:aria2 aria2:libtorrent webtorrent:aria2 webtorrent:libtorrent transmission:libtorrent libtorrent:transmission".split(
    " ",
  );
const ours =
  "dure:libtorrent dure:aria2 dure:webtorrent dure:transmission dure:dure libtorrent:dure aria2:dure webtorrent:dure transmission:dure".split(
    " ",
  );

process.once("SIGINT", () => process.exit(130));
process.once("SIGTERM", () => process.exit(143));

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    pairs: { type: "string" },
    runs: { type: "string", default: "3" },
    size: { type: "string", default: "1GiB" },
    piece: { type: "string", default: "1MiB" },
    json: { type: "string" },
  },
});

const about = machine();
const bench = openBench();
switch (positionals[0]) {
  case "transfer": {
    const names =
      values.pairs === undefined
        ? [...ours, ...foreign]
        : values.pairs === "foreign"
          ? foreign
          : values.pairs.split(",");
    const report = await transfer(bench, {
      pairs: names.map(pairOf),
      runs: Number(values.runs),
      bytes: size(values.size),
      pieceBytes: size(values.piece),
      progress: (line) => process.stderr.write(`${line}\n`),
    });
    process.stdout.write(`${transferTable(report)}\n`);
    if (values.json !== undefined)
      writeFileSync(values.json, `${JSON.stringify({ machine: about, ...report }, null, 2)}\n`);
    break;
  }
  default:
    process.stderr.write(`${usage}\n`);
    process.exitCode = 2;
}

function pairOf(text: string): Pair {
  const [leecher = "", seeder = ""] = text.split(":");
  return { leecher, seeder };
}

function size(text: string): number {
  const bytes = parseSize(text);
  if (bytes === undefined) throw new Error(`not a size: ${text}`);
  return bytes;
}

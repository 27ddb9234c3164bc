import { networkOptions, outputOptions } from "./shared.ts";
import type { CommandSpec } from "./types.ts";

export const getCommand = {
  name: "get",
  summary: "command.get",
  operands: [{ name: "SOURCE", help: "operand.source", complete: "torrent" }],
  options: {
    dir: { help: "option.dir-download", group: "command", value: { type: "folder", show: "DIR" } },
    once: { help: "option.once", group: "command" },
    select: {
      help: "option.select",
      group: "command",
      value: { type: "text", show: "GLOB" },
      repeated: true,
    },
    sequential: { help: "option.sequential", group: "command" },
    overwrite: { help: "option.overwrite", group: "command" },
    ...networkOptions,
    ...outputOptions,
  },
  examples: [
    "dure get debian.torrent --dir ~/Downloads",
    "dure get 'magnet:?xt=urn:btih:…' --once",
    "dure get album.torrent --select '*/cover.jpg' --select '*/0[1-3]*' --down 2MB/s",
  ],
} as const satisfies CommandSpec;

export const seedCommand = {
  name: "seed",
  summary: "command.seed",
  operands: [{ name: "TORRENT|PATH", help: "operand.seed", complete: "path" }],
  options: {
    dir: { help: "option.dir-seed", group: "command", value: { type: "folder", show: "DIR" } },
    "assume-complete": { help: "option.assume-complete", group: "command" },
    tracker: { help: "option.tracker-seed", group: "command", value: { type: "urls" }, repeated: true },
    ...networkOptions,
    ...outputOptions,
  },
  examples: [
    "dure seed album.torrent --dir ~/Music",
    "dure seed ~/Music/album --tracker udp://tracker.example:6969/announce",
  ],
} as const satisfies CommandSpec;

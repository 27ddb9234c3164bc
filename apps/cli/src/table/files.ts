import { outputOptions } from "./shared.ts";
import type { CommandSpec } from "./types.ts";

const torrentOperand = { name: "TORRENT", help: "operand.torrent", complete: "torrent" } as const;

export const createCommand = {
  name: "create",
  summary: "command.create",
  operands: [{ name: "PATH", help: "operand.path", complete: "path" }],
  options: {
    out: {
      help: "option.out",
      group: "command",
      short: "o",
      value: { type: "file", show: "FILE", suffix: ".torrent" },
    },
    format: {
      help: "option.format",
      group: "command",
      value: { type: "choice", choices: ["v1", "v2", "hybrid"] },
    },
    "piece-size": { help: "option.piece-size", group: "command", value: { type: "size" } },
    tracker: { help: "option.tracker", group: "command", value: { type: "urls" }, repeated: true },
    private: { help: "option.private", group: "command" },
    comment: { help: "option.comment", group: "command", value: { type: "text", show: "TEXT" } },
    source: { help: "option.source", group: "command", value: { type: "text", show: "TEXT" } },
    "web-seed": { help: "option.web-seed", group: "command", value: { type: "url" }, repeated: true },
    pad: { help: "option.pad", group: "command" },
    force: { help: "option.force", group: "command", short: "f" },
    ...outputOptions,
  },
  examples: [
    "dure create album --tracker udp://a.example:6969/announce,https://b.example/announce",
    "dure create film.mkv --piece-size 4MiB --out /tmp/film.torrent",
  ],
} as const satisfies CommandSpec;

export const showCommand = {
  name: "show",
  summary: "command.show",
  operands: [{ name: "TORRENT|MAGNET", help: "operand.show", complete: "torrent" }],
  options: outputOptions,
  examples: ["dure show album.torrent", "dure show album.torrent --json"],
} as const satisfies CommandSpec;

export const verifyCommand = {
  name: "verify",
  summary: "command.verify",
  operands: [torrentOperand],
  options: {
    dir: { help: "option.dir-verify", group: "command", value: { type: "folder", show: "DIR" } },
    ...outputOptions,
  },
  examples: ["dure verify album.torrent --dir ~/Music"],
} as const satisfies CommandSpec;

export const magnetCommand = {
  name: "magnet",
  summary: "command.magnet",
  operands: [torrentOperand],
  options: outputOptions,
  examples: ["dure magnet album.torrent"],
} as const satisfies CommandSpec;

import { networkOptions, outputOptions } from "./shared.ts";
import type { CommandSpec } from "./types.ts";

const keyFile = { name: "FILE", help: "operand.key-file", complete: "path" } as const;

const salt = { help: "option.salt", group: "command", value: { type: "text", show: "S" } } as const;

export const keysCommand = {
  name: "keys",
  summary: "command.keys",
  operands: [],
  verbs: [
    { name: "new", summary: "verb.keys-new", operands: [keyFile], takes: [] },
    { name: "show", summary: "verb.keys-show", operands: [keyFile], takes: [] },
  ],
  options: outputOptions,
  examples: ["dure keys new ~/.config/dure/album.key"],
} as const satisfies CommandSpec;

export const dhtCommand = {
  name: "dht",
  summary: "command.dht",
  operands: [],
  verbs: [
    { name: "status", summary: "verb.dht-status", operands: [], takes: [] },
    {
      name: "lookup",
      summary: "verb.dht-lookup",
      operands: [{ name: "KEY", help: "operand.dht-key", complete: "none" }],
      takes: [],
    },
    {
      name: "peers",
      summary: "verb.dht-peers",
      operands: [{ name: "INFOHASH", help: "operand.info-hash", complete: "none" }],
      takes: [],
    },
    {
      name: "get",
      summary: "verb.dht-get",
      operands: [{ name: "TARGET", help: "operand.dht-target", complete: "none" }],
      takes: ["salt"],
    },
    {
      name: "put",
      summary: "verb.dht-put",
      operands: [{ name: "TEXT", help: "operand.dht-text", complete: "none" }],
      takes: ["key", "salt", "seq"],
    },
    {
      name: "sample",
      summary: "verb.dht-sample",
      operands: [{ name: "NEAR", help: "operand.dht-near", complete: "none", optional: true }],
      takes: [],
    },
  ],
  options: {
    key: { help: "option.key-put", group: "command", value: { type: "file", show: "FILE" } },
    salt,
    seq: {
      help: "option.seq",
      group: "command",
      value: { type: "integer", show: "N", min: 0, max: Number.MAX_SAFE_INTEGER },
    },
    ...networkOptions,
    ...outputOptions,
  },
  examples: [
    "dure dht peers 0123456789abcdef0123456789abcdef01234567",
    "dure dht put 'a few words'",
    "dure dht put 'newer words' --key album.key --salt notes",
  ],
} as const satisfies CommandSpec;

export const publishCommand = {
  name: "publish",
  summary: "command.publish",
  operands: [{ name: "TORRENT", help: "operand.torrent", complete: "torrent" }],
  options: {
    key: { help: "option.key-publish", group: "command", value: { type: "file", show: "FILE" } },
    salt,
    dir: { help: "option.dir-publish", group: "command", value: { type: "folder", show: "DIR" } },
    once: { help: "option.once-publish", group: "command" },
    ...networkOptions,
    ...outputOptions,
  },
  examples: ["dure keys new album.key", "dure publish album.torrent --key album.key --dir ~/Music"],
} as const satisfies CommandSpec;

export const followCommand = {
  name: "follow",
  summary: "command.follow",
  operands: [{ name: "PUBLICKEY|MAGNET", help: "operand.publisher", complete: "none" }],
  options: {
    salt,
    dir: { help: "option.dir-download", group: "command", value: { type: "folder", show: "DIR" } },
    every: {
      help: "option.every",
      group: "command",
      value: { type: "integer", show: "SECONDS", min: 10, max: 86_400 },
    },
    once: { help: "option.once-follow", group: "command" },
    overwrite: { help: "option.overwrite", group: "command" },
    ...networkOptions,
    ...outputOptions,
  },
  examples: ["dure follow 'magnet:?xs=urn:btpk:…' --dir ~/Music"],
} as const satisfies CommandSpec;

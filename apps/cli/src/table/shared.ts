import type { OptionTable } from "./types.ts";

/** Understood by every command, also before its name. */
export const globalOptions = {
  profile: { help: "option.profile", group: "global", value: { type: "folder", show: "DIR" } },
  debug: { help: "option.debug", group: "global" },
  help: { help: "option.help", group: "global", short: "h" },
  version: { help: "option.version", group: "global", short: "V" },
  lang: { help: "option.lang", group: "output", value: { type: "choice", choices: ["en", "ko"] } },
} as const satisfies OptionTable;

export const outputOptions = {
  json: { help: "option.json", group: "output" },
  quiet: { help: "option.quiet", group: "output", short: "q" },
} as const satisfies OptionTable;

/**
 * How a peer meets the network. Switching off what this version does not have is accepted, since it is then true;
 * asking for what it does not have is refused: a proxy that is silently ignored would leak.
 */
export const networkOptions = {
  port: {
    help: "option.port",
    group: "network",
    value: { type: "integer", show: "N", min: 0, max: 65_535 },
  },
  listen: { help: "option.listen", group: "network", value: { type: "text", show: "IP" } },
  interface: { help: "option.interface", group: "network", value: { type: "text", show: "NAME|IP" } },
  peer: { help: "option.peer", group: "network", value: { type: "address" }, repeated: true },
  down: { help: "option.down", group: "network", value: { type: "rate" } },
  up: { help: "option.up", group: "network", value: { type: "rate" } },
  ratio: { help: "option.ratio", group: "network", value: { type: "ratio" } },
  connections: {
    help: "option.connections",
    group: "network",
    value: { type: "integer", show: "N", min: 1, max: 65_535 },
  },
  "upload-slots": {
    help: "option.upload-slots",
    group: "network",
    value: { type: "integer", show: "N", min: 1, max: 65_535 },
  },
  "allow-local-urls": { help: "option.allow-local-urls", group: "network" },
  encryption: {
    help: "option.encryption",
    group: "network",
    value: { type: "choice", choices: ["prefer", "require", "off"] },
  },
  "no-utp": { help: "option.no-utp", group: "network" },
  "no-dht": { help: "option.no-dht", group: "network" },
  "no-pex": { help: "option.no-pex", group: "network" },
  "no-lsd": { help: "option.no-lsd", group: "network" },
  "no-port-mapping": { help: "option.no-port-mapping", group: "network" },
  "dht-bootstrap": {
    help: "option.dht-bootstrap",
    group: "network",
    value: { type: "bootstrap" },
    repeated: true,
  },
  "no-tcp": { help: "option.no-tcp", group: "network", absent: true },
  proxy: { help: "option.proxy", group: "network", value: { type: "text", show: "URL" }, absent: true },
  "super-seed": { help: "option.super-seed", group: "network" },
  "ip-filter": { help: "option.ip-filter", group: "network", value: { type: "file", show: "FILE" } },
  "deny-list": { help: "option.deny-list", group: "network", value: { type: "file", show: "FILE" } },
} as const satisfies OptionTable;

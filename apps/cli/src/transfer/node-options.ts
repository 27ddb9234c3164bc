import type { AddOptions, NodeDhtOptions, NodeOptions } from "@dure/host-node";
import { bootstrapNodes } from "../bootstrap-nodes.ts";
import type { networkOptions, OptionValues } from "../table/index.ts";

type NetworkValues = OptionValues<typeof networkOptions>;

/** NETWORK of CONTRACT.md, as the node hears it. The node has one torrent, so its limits are the torrent's. */
export function nodeOptions(profile: string, network: NetworkValues): NodeOptions {
  return {
    profile,
    ...given("port", network.port),
    ...given("listen", network.listen),
    ...given("interface", network.interface),
    ...given("downRateMax", network.down),
    ...given("upRateMax", network.up),
    ...given("connectionsMax", network.connections),
    ...given("uploadSlots", network["upload-slots"]),
    allowLocalUrls: network["allow-local-urls"],
    ...given("encryption", network.encryption),
    pex: !network["no-pex"],
    lsd: !network["no-lsd"],
    portMapping: !network["no-port-mapping"],
    ...given("ipFilter", network["ip-filter"]),
    ...given("denyList", network["deny-list"]),
    ...given("dht", dhtOptions(network)),
  };
}

/** Nodes that the user names stand in place of the public ones; `none` stands for nobody. */
function dhtOptions(network: NetworkValues): NodeDhtOptions | undefined {
  if (network["no-dht"]) return undefined;
  const named = network["dht-bootstrap"];
  return { bootstrap: named.length === 0 ? bootstrapNodes : named.filter((node) => node !== "none") };
}

export function addNetworkOptions(
  network: NetworkValues,
): Pick<AddOptions, "peers" | "ratioMax" | "superSeed"> {
  const superSeed = network["super-seed"] ? true : undefined;
  return { peers: network.peer, ...given("ratioMax", network.ratio), ...given("superSeed", superSeed) };
}

/** The field, or none: an optional field that is there is never undefined. */
export function given<Name extends string, Value>(
  name: Name,
  value: Value | undefined,
): { readonly [_ in Name]?: Value } {
  // The cast: a computed name is a string to the compiler, whatever its type.
  return value === undefined ? {} : ({ [name]: value } as { readonly [_ in Name]?: Value });
}

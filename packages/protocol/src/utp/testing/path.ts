import { Prng } from "@dure/base";
import type { UtpEndpointOptions } from "../endpoint.ts";
import { VirtualHost } from "./virtual-host.ts";
import { Link, type LinkOptions, Timeline } from "./virtual-network.ts";

/** Two hosts and the way between them. */
export interface Path {
  readonly timeline: Timeline;
  readonly a: VirtualHost;
  readonly b: VirtualHost;
}

type HostOptions = Partial<UtpEndpointOptions> & { readonly drift?: number };

export function path(
  seed: number,
  link: LinkOptions,
  options: { a?: HostOptions; b?: HostOptions } = {},
): Path {
  const timeline = new Timeline();
  const prng = new Prng(seed);
  const a = new VirtualHost(timeline, { ip: "10.0.0.1", port: 1 }, { offset: 1e6, ...options.a });
  const b = new VirtualHost(timeline, { ip: "10.0.0.2", port: 2 }, options.b);
  a.route(b, new Link(timeline, prng, link));
  b.route(a, new Link(timeline, prng, link));
  return { timeline, a, b };
}

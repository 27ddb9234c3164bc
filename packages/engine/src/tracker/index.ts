export * from "./connection-id-issuer.ts";
export type { SwarmPeer } from "./swarm.ts";
export * from "./swarm-book.ts";

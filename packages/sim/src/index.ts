export { type Content, type ContentOptions, makeContent } from "./content.ts";
export * from "./disk/index.ts";
export * from "./net/index.ts";
export * from "./node/index.ts";
export * from "./peers/index.ts";
export { ReplayHash } from "./replay-hash.ts";
export { type NodeOptions, Simulation, type SimulationOptions } from "./simulation.ts";
export * from "./state/index.ts";
export * from "./time/index.ts";

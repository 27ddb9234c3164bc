export { LoneSeed, type LoneSeedFacts } from "./lone-seed.ts";
export type { SuperSeedEnd, SuperSeedInput, SuperSeedOutput } from "./messages.ts";
export { SuperSeed, type SuperSeedOptions } from "./super-seed.ts";

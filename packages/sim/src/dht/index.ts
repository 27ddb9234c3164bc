export { DhtLab, type DhtLabOptions } from "./dht-lab.ts";
export { type ChurnFigures, measureChurn } from "./experiments/churn.ts";
export { type EclipseFigures, Eclipses, type Origin } from "./experiments/eclipse.ts";
export { type FloodFigures, measureFlood } from "./experiments/flood.ts";
export { type LookupFigures, measureLookups } from "./experiments/lookups.ts";
export { type Spread, shareOf, spreadOf, sumOf, type Tally, tallyOf } from "./experiments/spread.ts";
export { measureSybilShares, type SybilFigures } from "./experiments/sybil-shares.ts";
export type { DhtMachine, LabNode, Outcome, Wish } from "./lab-node.ts";

export { type DiskFactory, diskContract } from "./disk-contract.ts";
export { type DiskJobBody, DiskRunner, storeOf, type TestFile } from "./disk-runner.ts";
export type { DiskUnderTest } from "./disk-story.ts";
export { type NetFactory, type NetSide, type NetWorld, netContract } from "./net-contract.ts";
export { type StateFactory, type StateJobBody, type StateProcess, stateContract } from "./state-contract.ts";

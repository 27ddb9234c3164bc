export { type StateOptions, StateWorker } from "./state-worker.ts";
export { type ItemName, type TakenVersion, Versions } from "./versions.ts";

export { type StateOptions, StateWorker } from "./state-worker.ts";

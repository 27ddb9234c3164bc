export { lsdTiming } from "./limits.ts";
export { Lsd } from "./lsd.ts";
export type { LsdInput, LsdOutput } from "./messages.ts";

export { pexIntake, pexTiming } from "./limits.ts";
export type { Connected, PexInput, PexLink, PexOutput } from "./messages.ts";
export { Pex } from "./pex.ts";

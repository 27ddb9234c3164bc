export { responderLimits } from "./limits.ts";
export * from "./messages.ts";
export { Responder } from "./responder.ts";

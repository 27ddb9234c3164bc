export { type LimitSettings, Limits, limitRetry, nodeLimitsDefault } from "./node-limits.ts";

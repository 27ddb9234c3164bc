export { RateMeter } from "./rate-meter.ts";
export { SharedLimit } from "./shared-limit.ts";
export { type Bucket, TokenBucket } from "./token-bucket.ts";

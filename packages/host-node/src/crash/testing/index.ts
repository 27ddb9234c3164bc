export { type Claims, isWhole, provenBytes, readClaims } from "./claims.ts";
export { makeSample, noise, type Sample, type SamplePlan, store } from "./sample.ts";

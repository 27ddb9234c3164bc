export { metadataLimits } from "./limits.ts";
export type { MetadataInput, MetadataOutput, MetadataPeer } from "./messages.ts";
export { MetadataFetch } from "./metadata-fetch.ts";
export { MetadataServe } from "./metadata-serve.ts";

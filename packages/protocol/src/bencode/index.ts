export * from "./decode.ts";
export * from "./encode.ts";
export * from "./limits.ts";
export * from "./value.ts";

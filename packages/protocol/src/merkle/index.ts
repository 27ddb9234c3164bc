export * from "./geometry.ts";
export * from "./hash-tree.ts";
export * from "./limits.ts";
export * from "./proof.ts";
export * from "./root.ts";

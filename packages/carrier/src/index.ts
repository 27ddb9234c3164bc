export * from "./layout.ts";
export * from "./ports/index.ts";

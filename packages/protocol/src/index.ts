export * from "./peer-wire/index.ts";

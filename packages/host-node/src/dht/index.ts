export * from "./mutable-item.ts";

export * from "./connection-ids.ts";
export * from "./exchange.ts";
export * from "./replies.ts";
export * from "./requests.ts";
export * from "./url-data.ts";

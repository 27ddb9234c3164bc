export * from "./replies.ts";
export * from "./urls.ts";

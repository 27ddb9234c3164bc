export * from "./encode-replies.ts";
export * from "./replies.ts";
export * from "./requests.ts";
export * from "./urls.ts";

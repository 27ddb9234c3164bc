export * from "./description.ts";
export * from "./http-target.ts";
export * from "./soap.ts";
export * from "./ssdp.ts";
export * from "./xml.ts";

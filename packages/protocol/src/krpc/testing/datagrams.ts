import { ok } from "node:assert/strict";
import { fromLatin1, latin1 } from "@dure/base";
import { decodeKrpc, type KrpcMessage, type QueryBody, type ResponseBody } from "../index.ts";

export const sender = "abcdefghij0123456789";
export const other = "mnopqrstuvwxyz123456";

/** The parts of a mutable item, as they stand in a dictionary. */
export const key = `1:k32:${"k".repeat(32)}`;
export const signature = `3:sig64:${"s".repeat(64)}`;
export const value = "1:v1:x";

/** A query by `sender`; `fields` stand behind its id in `a`. */
export function query(method: string, fields: string): string {
  return `d1:ad2:id20:${sender}${fields}e1:q${method.length}:${method}1:t2:aa1:y1:qe`;
}

/** An answer by `sender`; `fields` stand behind its id in `r`. */
export function response(fields: string): string {
  return `d1:rd2:id20:${sender}${fields}e1:t2:aa1:y1:re`;
}

export function decoded(text: string): KrpcMessage {
  const result = decodeKrpc(fromLatin1(text));
  ok(result.ok, `${text}: ${result.ok ? "" : result.reason}`);
  return result.value;
}

export function bodyOf(text: string): QueryBody {
  const message = decoded(text);
  ok(message.kind === "query");
  return message.body;
}

export function responseOf(text: string): ResponseBody {
  const message = decoded(text);
  ok(message.kind === "response");
  return message.body;
}

/** Bytes as latin1 text, for comparing by eye. */
export function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return latin1(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, plain(item)]));
}

import { at, byteAt } from "@dure/base";
import { slot } from "./body-names.ts";
import type { Fields } from "./fields.ts";
import { bloomBytes, krpcLimits, nodeIdBytes } from "./limits.ts";
import type { DhtKey, ResponseBody } from "./messages.ts";
import { readGotItem } from "./read-item.ts";
import { isDigit, stringStart } from "./scan.ts";

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

/**
 * What is answered, out of `r`. An answer does not say what was asked, so every field is optional, and one of a wrong
 * type, length or range is left out: the others may still serve, as closer nodes do beside a broken token.
 */
export function readResponse(fields: Fields): ResponseBody {
  const body: Writable<ResponseBody> = {};
  const nodes = fields.entries(slot.nodes, nodeIdBytes + 6);
  if (nodes !== undefined) body.nodes = nodes;
  const nodes6 = fields.entries(slot.nodes6, nodeIdBytes + 18);
  if (nodes6 !== undefined) body.nodes6 = nodes6;
  const token = fields.bytes(slot.token, 0, krpcLimits.tokenBytesMax);
  if (token !== undefined) body.token = token;
  if (fields.has(slot.values)) readValues(fields, body);
  if (fields.has(slot.bloomSeeds) || fields.has(slot.bloomPeers)) readBlooms(fields, body);
  if (fields.has(slot.sequence) || fields.has(slot.value)) readStored(fields, body);
  if (fields.has(slot.samples) || fields.has(slot.interval) || fields.has(slot.storedCount))
    readSamples(fields, body);
  return body;
}

/*
 * BEP 5 and 32: a list of strings of 6 or 18 bytes. Some nodes put all their IPv4 peers into one string, in a list or
 * without one: any other multiple of 6 is read so. Strings of other lengths are left out, and so is port 0, where
 * nobody listens. Strings that lie in a list have their lengths between them, so the peers are copied.
 */
function readValues(fields: Fields, body: Writable<ResponseBody>): void {
  const { datagram } = fields;
  const bounds = fields.elements(slot.values);
  const starts4: number[] = []; // both bounded by the datagram
  const starts6: number[] = [];
  for (let index = 1; index < bounds.length; index += 1) {
    const element = at(bounds, index - 1);
    const end = at(bounds, index);
    if (!isDigit(datagram[element])) continue;
    const start = stringStart(datagram, element);
    if (end - start === 18) notePeers(datagram, { start, end, stride: 18 }, starts6);
    else if ((end - start) % 6 === 0) notePeers(datagram, { start, end, stride: 6 }, starts4);
  }
  if (starts6.length > 0) body.values6 = copyPeers(datagram, starts6, 18);
  if (starts4.length > 0 || starts6.length === 0) body.values = copyPeers(datagram, starts4, 6);
}

interface PeersSpan {
  readonly start: number;
  readonly end: number;
  readonly stride: 6 | 18;
}

function notePeers(datagram: Uint8Array, span: PeersSpan, starts: number[]): void {
  for (let start = span.start; start < span.end; start += span.stride) {
    const port = start + span.stride - 2;
    if (datagram[port] !== 0 || datagram[port + 1] !== 0) starts.push(start);
  }
}

function copyPeers(datagram: Uint8Array, starts: readonly number[], stride: 6 | 18): Uint8Array {
  const peers = new Uint8Array(starts.length * stride);
  let used = 0;
  for (const start of starts) {
    for (let from = start; from < start + stride; from += 1) {
      peers[used] = byteAt(datagram, from);
      used += 1;
    }
  }
  return peers;
}

function readBlooms(fields: Fields, body: Writable<ResponseBody>): void {
  const seeds = fields.bytes(slot.bloomSeeds, bloomBytes, bloomBytes);
  if (seeds !== undefined) body.bloomSeeds = seeds;
  const peers = fields.bytes(slot.bloomPeers, bloomBytes, bloomBytes);
  if (peers !== undefined) body.bloomPeers = peers;
}

// An item with anything wrong with it is none: it could not be verified.
function readStored(fields: Fields, body: Writable<ResponseBody>): void {
  const sequence = fields.integer(slot.sequence, 0, Number.MAX_SAFE_INTEGER);
  if (sequence !== undefined) body.sequence = sequence;
  const item = readGotItem(fields);
  if (typeof item !== "number") body.item = item;
}

function readSamples(fields: Fields, body: Writable<ResponseBody>): void {
  const samples = fields.entries(slot.samples, nodeIdBytes);
  if (samples !== undefined) body.samples = splitKeys(samples);
  const interval = fields.integer(slot.interval, 0, krpcLimits.sampleIntervalMax);
  if (interval !== undefined) body.interval = interval;
  const storedCount = fields.integer(slot.storedCount, 0, Number.MAX_SAFE_INTEGER);
  if (storedCount !== undefined) body.storedCount = storedCount;
}

function splitKeys(bytes: Uint8Array): DhtKey[] {
  const keys: DhtKey[] = []; // bounded by the datagram
  for (let start = 0; start < bytes.length; start += nodeIdBytes) {
    keys.push(bytes.subarray(start, start + nodeIdBytes));
  }
  return keys;
}

import { type Address, must } from "@dure/base";
import type { NetEffect, NetEvent } from "@dure/carrier";
import { NodeNet, type NodeNetOptions } from "../node-net.ts";

/** A net on a free port of the loopback that remembers what it was told. */
export interface RecordedNet {
  readonly net: NodeNet;
  readonly address: Address;
  readonly events: NetEvent[];
  perform(...effects: readonly NetEffect[]): void;
}

export async function recordedNet(options: Partial<NodeNetOptions> = {}): Promise<RecordedNet> {
  const events: NetEvent[] = [];
  const onEvent = (event: NetEvent) => events.push(remembered(event));
  const net = await NodeNet.open({ port: 0, listen: "127.0.0.1", socketsMax: 100, onEvent, ...options });
  const address = must(net.localAddresses[0], "an open net listens");
  const perform = (...effects: readonly NetEffect[]) => {
    for (const effect of effects) net.perform(effect);
    net.flush();
  };
  return { net, address, events, perform };
}

/** The bytes are the net's read buffer: a copy outlives the call. */
function remembered(event: NetEvent): NetEvent {
  return event.type === "tcp-data" ? { ...event, bytes: event.bytes.slice() } : event;
}

/** Lets the event loop turn until the condition holds. */
export async function until(condition: () => boolean, what: string, withinMs = 8_000): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`waited ${withinMs} ms for ${what}`);
    await turn(1);
  }
}

export function turn(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

import { deepEqual } from "node:assert/strict";
import { test } from "node:test";
import { HostWatch } from "./host-watch.ts";

test("sleep and a set clock are told once, slow drift is not", () => {
  const told: string[] = [];
  let calendar = 1_000_000;
  let monotonic = 500;
  const watch = new HostWatch({
    onEvent: (event) => told.push(event.type),
    calendar: () => calendar,
    monotonic: () => monotonic,
    addresses: () => "",
  });
  const pass = (calendarMs: number, monotonicMs: number) => {
    calendar += calendarMs;
    monotonic += monotonicMs;
    watch.checkClocks();
    return told.splice(0);
  };
  deepEqual(pass(5_000, 5_000), []);
  deepEqual(pass(60_000, 60_000), [], "a busy event loop is no sleep");
  deepEqual(pass(3_605_000, 5_000), ["time-jumped"], "an hour's sleep");
  deepEqual(pass(5_000, 5_000), []);
  deepEqual(pass(-3_595_000, 5_000), ["time-jumped"], "a clock set back");
  for (let check = 0; check < 100; check += 1) deepEqual(pass(5_900, 5_000), [], "slow drift");
});

test("a change of addresses is told once", () => {
  const told: string[] = [];
  let addresses = "eth0 192.168.1.5";
  const watch = new HostWatch({ onEvent: (event) => told.push(event.type), addresses: () => addresses });
  watch.checkAddresses();
  deepEqual(told, []);
  addresses = "wlan0 10.0.0.7";
  watch.checkAddresses();
  watch.checkAddresses();
  deepEqual(told, ["address-changed"]);
});

test("a watch on this machine starts, keeps quiet, and lets the process end", () => {
  const told: string[] = [];
  const watch = new HostWatch({ onEvent: (event) => told.push(event.type) });
  watch.start();
  watch.checkClocks();
  watch.checkAddresses();
  watch.stop();
  deepEqual(told, []);
});

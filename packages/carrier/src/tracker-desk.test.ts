import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { type Address, formatAddress, fromLatin1, must, seconds, utf8 } from "@dure/base";
import { decodeUdpTrackerRequest, encodeUdpTrackerReply } from "@dure/protocol";
import type { HostEffect } from "./ports/index.ts";
import { CarrierStage } from "./testing/stage.ts";

const http = "http://tracker.example/announce?key=secret";
const udp = "udp://tracker.example:6969/announce";
const endpoint: Address = { ip: "198.51.100.9", port: 6969 };

function stageOf(url: string): CarrierStage {
  return new CarrierStage({ pieces: 4, blocks: 2, trackers: [url] });
}

function effects<Type extends HostEffect["type"]>(stage: CarrierStage, type: Type) {
  return stage.effects.flatMap((effect) =>
    effect.type === type ? [effect as Extract<HostEffect, { type: Type }>] : [],
  );
}

const states = (stage: CarrierStage) =>
  stage.reports.flatMap((report) => (report.type === "tracker" ? [report.status.state] : []));

const body = (text: string) => utf8(text);

test("an HTTP tracker is asked over both families, and its peers are dialled", () => {
  const stage = stageOf(http);
  const asked = effects(stage, "http-get");
  deepEqual(asked.map(({ family }) => family).sort(), [4, 6]);
  for (const { url, trust } of asked) {
    ok(url.startsWith(`${http}&`) && url.includes("event=started"), url);
    equal(trust, "named-tracker");
  }
  const { request } = must(asked[0], "it was asked");
  const peers = "\xcb\x00\x71\x07\x1a\xe1"; // 203.0.113.7:6881
  const reply = fromLatin1(`d8:intervali900e5:peers6:${peers}e`);
  stage.tell({ type: "http-reply", request, status: 200, body: reply, ip: "198.51.100.9" });
  deepEqual(
    effects(stage, "tcp-connect").map(({ remote }) => formatAddress(remote)),
    ["203.0.113.7:6881"],
  );
});

test("a reply that is no bencode is a failure", () => {
  const stage = stageOf(http);
  const { request } = must(effects(stage, "http-get")[0], "it was asked");
  stage.tell({ type: "http-reply", request, status: 200, body: utf8("<html>"), ip: "198.51.100.9" });
  equal(states(stage).at(-1), "failed");
});

test("an HTTP error status is a failure, unless the tracker explains itself in bencode", () => {
  for (const [text, state] of [
    ["not found", "failed"],
    ["d14:failure reason7:go awaye", "failed"],
  ] as const) {
    const stage = stageOf(http);
    const [asked] = effects(stage, "http-get");
    const request = must(asked, "it was asked").request;
    stage.tell({ type: "http-reply", request, status: 404, body: body(text), ip: "198.51.100.9" });
    equal(states(stage).at(-1), state);
    const status = stage.reports
      .flatMap((report) => (report.type === "tracker" ? [report.status] : []))
      .at(-1);
    const said = status !== undefined && "message" in status ? status.message : "";
    equal(said, text.startsWith("d") ? "go away" : "HTTP 404");
  }
});

test("whatever the host says of a request that failed, the tracker is tried again later", () => {
  const reasons = [
    "no-address",
    "name-not-found",
    "local-address",
    "refused",
    "unreachable",
    "timeout",
    "tls",
    "too-long",
    "redirects",
    "bad-reply",
    "other",
  ] as const;
  for (const reason of reasons) {
    const stage = stageOf(http);
    for (const { request } of effects(stage, "http-get"))
      stage.tell({ type: "http-failed", request, reason, detail: "x" });
    stage.effects.length = 0;
    stage.later(seconds(4000));
    ok(effects(stage, "http-get").length > 0, reason);
  }
});

test("a UDP tracker is resolved, connected to and asked (BEP 15), with the path of its URL (BEP 41)", () => {
  const stage = stageOf(udp);
  const four = must(
    effects(stage, "resolve").find(({ family }) => family === 4),
    "resolved over IPv4",
  );
  deepEqual([four.host, four.trust], ["tracker.example", "named-tracker"]);
  stage.tell({ type: "resolved", request: four.request, ips: [endpoint.ip, "198.51.100.10"] });
  const connect = must(effects(stage, "udp-send").at(-1), "a datagram leaves");
  deepEqual(connect.to, endpoint);
  const hello = decodeUdpTrackerRequest(connect.bytes);
  ok(hello.ok && hello.value.action === "connect");
  const { transactionId } = hello.value;
  const granted = encodeUdpTrackerReply({ action: "connect", transactionId, connectionId: 7n });
  stage.tell({ type: "udp-data", from: { ip: "203.0.113.66", port: 6969 }, bytes: granted });
  equal(effects(stage, "udp-send").length, 1, "another sender is not the tracker");
  stage.tell({ type: "udp-data", from: endpoint, bytes: granted });
  const announce = decodeUdpTrackerRequest(must(effects(stage, "udp-send").at(-1), "the announce").bytes);
  ok(announce.ok && announce.value.action === "announce");
  deepEqual(
    [announce.value.connectionId, announce.value.urlData, announce.value.event],
    [7n, "/announce", "started"],
  );
  const peers = [{ ip: "203.0.113.8", port: 6881 }];
  const answer = { action: "announce", interval: seconds(900), leechers: 1, seeders: 2, peers } as const;
  const bytes = encodeUdpTrackerReply({ ...answer, transactionId: announce.value.transactionId });
  stage.tell({ type: "udp-data", from: endpoint, bytes });
  deepEqual(
    effects(stage, "tcp-connect").map(({ remote }) => formatAddress(remote)),
    ["203.0.113.8:6881"],
  );
  stage.tell({ type: "udp-data", from: endpoint, bytes }); // a second time it means nothing
  equal(states(stage).at(-1), "working");
});

test("a UDP tracker by its address is asked over that family; the other one has none", () => {
  const stage = stageOf("udp://198.51.100.9:6969");
  equal(effects(stage, "resolve").length, 0);
  deepEqual(
    effects(stage, "udp-send").map(({ to }) => to),
    [endpoint],
  );
  ok(states(stage).includes("unsupported"));
});

test("a silent UDP tracker is asked again with growing waits, and given up in the end (BEP 15)", () => {
  const stage = stageOf("udp://198.51.100.9:6969");
  const idOf = (bytes: Uint8Array) => {
    const request = decodeUdpTrackerRequest(bytes);
    return request.ok ? request.value.transactionId : undefined;
  };
  const first = idOf(must(effects(stage, "udp-send")[0], "it is asked").bytes);
  const sentAt: number[] = [];
  stage.watch = () => {
    const last = stage.effects.at(-1);
    if (last?.type === "udp-send" && idOf(last.bytes) === first) sentAt.push(stage.now / 1000);
  };
  stage.later(seconds(8000));
  deepEqual(sentAt.slice(0, 4), [15, 45, 105, 225]);
  ok(states(stage).includes("failed"), "given up in the end");
});

test("a newer announce takes the place of an older one; its late answer means nothing", () => {
  const stage = stageOf(http);
  const [old] = effects(stage, "http-get");
  const { request } = must(old, "it was asked");
  stage.carrier.turn(stage.now, () => stage.torrent.stop(stage.now));
  stage.drain();
  stage.tell({
    type: "http-reply",
    request,
    status: 200,
    body: body("d8:intervali900e5:peers0:e"),
    ip: "198.51.100.9",
  });
  const stopped = effects(stage, "http-get").filter(({ url }) => url.includes("event=stopped"));
  ok(stopped.length <= 1);
  for (const { request: last } of effects(stage, "http-get"))
    stage.tell({ type: "http-failed", request: last, reason: "timeout", detail: "" });
  ok(
    stage.reports.some(({ type }) => type === "stopped"),
    "nothing is waited for any more",
  );
  stage.carrier.remove(stage.key.infoHash);
  stage.drain();
  for (const { request: any } of effects(stage, "http-get"))
    stage.tell({ type: "http-failed", request: any, reason: "timeout", detail: "" });
});

test("answers to what was never asked mean nothing", () => {
  const stage = stageOf(http);
  const before = stage.reports.length;
  stage.tell({ type: "http-reply", request: 999, status: 200, body: body("de"), ip: "198.51.100.9" });
  stage.tell({ type: "http-failed", request: 999, reason: "tls", detail: "" });
  stage.tell({ type: "resolved", request: 999, ips: ["198.51.100.9"] });
  stage.tell({ type: "resolve-failed", request: 999, reason: "name-not-found" });
  stage.tell({ type: "udp-data", from: endpoint, bytes: new Uint8Array(16) });
  equal(stage.reports.length, before);
});

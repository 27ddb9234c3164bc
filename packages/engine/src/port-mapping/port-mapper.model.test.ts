import { ok } from "node:assert/strict";
import { test } from "node:test";
import { ms, Prng, utf8 } from "@dure/base";
import { mutate } from "@dure/base/testing";
import { encodeNatPmpResponse } from "@dure/protocol";
import type { PortMapperInput, PortMapperOutput } from "./messages.ts";
import { PortMapper } from "./port-mapper.ts";
import { DatagramGateway } from "./testing/datagram-gateway.ts";
import { IgdGateway } from "./testing/igd-gateway.ts";
import { globalRoute, homeRoute } from "./testing/world.ts";

const runs = Number(process.env.DURE_MODEL_RUNS ?? 200);
const seedFirst = Number(process.env.DURE_MODEL_SEED ?? 1);
const stepsMax = 300;

/*
 * A gateway that answers well, badly, late, twice, with garbage, or to nothing, for hours. Whatever it does: nothing
 * throws; what is asked of it stays below a rate; mapped and unmapped alternate for each protocol; and stopping ends.
 */
test("a hostile gateway never crashes us, makes us talk much, or keeps us from stopping", () => {
  for (let seed = seedFirst; seed < seedFirst + runs; seed += 1) {
    try {
      play(seed);
    } catch (cause) {
      throw new Error(`replay: DURE_MODEL_SEED=${seed} DURE_MODEL_RUNS=1 node --test <this test>`, { cause });
    }
  }
});

function play(seed: number): void {
  const prng = new Prng(seed, "hostile gateway");
  const mapper = new PortMapper({
    port: 6881,
    nonce: prng.bytes(12),
    description: "Dure",
    prng: prng.split("own"),
  });
  const gateway = new DatagramGateway({ pcp: prng.chance(0.5), natPmp: true });
  const igd = new IgdGateway(prng.chance(0.5) ? 1 : 2);
  const pending: PortMapperInput[] = []; // bounded by the steps
  const mapped = new Set<string>();
  let now = 0;
  let asked = 0;
  let stopped = false;
  const perform = (output: PortMapperOutput) => {
    if (output.type === "send" || output.type === "http" || output.type === "search") asked += 1;
    const answer = answerTo(output);
    if (answer !== undefined) pending.push(answer);
    if (output.type === "stopped") stopped = true;
    if (output.type !== "port-mapped" && output.type !== "port-unmapped") return;
    const key = `${output.family} ${output.protocol}`;
    if (output.type === "port-mapped") mapped.add(key);
    else ok(mapped.delete(key), `${key} was mapped before it was not`);
  };
  const answerTo = (output: PortMapperOutput): PortMapperInput | undefined => {
    if (prng.chance(0.2)) return undefined;
    switch (output.type) {
      case "send": {
        const { family } = output;
        if (prng.chance(0.1)) return { type: "unreachable", family };
        if (prng.chance(0.1)) gateway.reboot(now / 1000);
        gateway.otherPort = prng.chance(0.2) ? prng.below(65_536) : undefined;
        gateway.lifetimeSecondsMax = prng.chance(0.5) ? prng.below(100) : 7200;
        gateway.pcpRefusal = prng.chance(0.2) ? "no-resources" : undefined;
        const local = family === 4 ? homeRoute.local : globalRoute.local;
        const bytes = gateway.answer(now / 1000, local, output.bytes);
        return bytes === undefined ? undefined : { type: "datagram", family, bytes: spoil(bytes) };
      }
      case "search":
        return {
          type: "search-reply",
          from: homeRoute.gateway,
          bytes: spoil(igd.searchAnswer("http://192.168.1.1/rootDesc.xml")),
        };
      case "http": {
        const { request, target, post } = output;
        if (prng.chance(0.1)) return { type: "http-failed", request };
        igd.refusal = prng.chance(0.3)
          ? prng.pick([401, 402, 501, 606, 714, 718, 724, 725, 728, 729])
          : undefined;
        const reply = igd.answer({
          method: post === undefined ? "GET" : "POST",
          path: target.path,
          soapAction: post?.soapAction ?? "",
          body: post?.body ?? utf8(""),
        });
        return { type: "http-reply", request, status: reply.status, body: spoil(reply.body) };
      }
      default:
        return undefined;
    }
  };
  const spoil = (bytes: Uint8Array) => (prng.chance(0.3) ? mutate(prng, [bytes]) : bytes);
  const tell = (input: PortMapperInput) => {
    mapper.handle(ms(now), input);
    for (let output = mapper.poll(); output !== undefined; output = mapper.poll()) perform(output);
  };

  tell({ type: "routes", routes: prng.chance(0.5) ? [homeRoute] : [homeRoute, globalRoute] });
  for (let step = 0; step < stepsMax; step += 1) {
    const before = asked;
    const answer = prng.chance(0.7) ? pending.shift() : prng.pick(pending);
    if (answer !== undefined) tell(answer);
    else if (prng.chance(0.1)) tell(unasked(prng, now));
    else {
      now = Math.max(now, mapper.deadline() ?? now + 60_000);
      tell({ type: "wake" });
    }
    ok(asked - before <= 12, "one input leads to a few questions");
  }
  tell({ type: "stop" });
  for (let step = 0; step < 100 && !stopped; step += 1) {
    now = mapper.deadline() ?? now;
    tell({ type: "wake" });
  }
  ok(stopped, "it stops");
  ok(mapped.size === 0, "and nothing is said to be mapped");
}

function unasked(prng: Prng, now: number): PortMapperInput {
  const epochSeconds = Math.floor(now / 1000) + prng.below(10);
  switch (prng.below(5)) {
    case 0:
      return { type: "recheck" };
    case 1:
      return {
        type: "routes",
        routes: prng.chance(0.5) ? [] : [{ ...homeRoute, local: `192.168.1.${prng.below(9)}` }],
      };
    case 2:
      return { type: "http-failed", request: prng.below(50) };
    case 3:
      return { type: "search-reply", from: homeRoute.gateway, bytes: prng.bytes(prng.below(100)) };
    default:
      return {
        type: "datagram",
        family: 4,
        bytes: encodeNatPmpResponse({ type: "external-address", epochSeconds, externalIp: "198.51.100.1" }),
      };
  }
}

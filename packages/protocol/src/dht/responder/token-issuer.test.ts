import { equal, notDeepEqual, ok, throws } from "node:assert/strict";
import { test } from "node:test";
import { type Ms, minutes, ms, must, Prng, parseIp } from "@dure/base";
import { key, secret } from "./testing/asking.ts";
import { TokenIssuer } from "./token-issuer.ts";

const ip = (text: string) => must(parseIp(text), "an IP");
const here = ip("81.2.69.142");
const start = minutes(60);

test("a token is accepted for five minutes at least and ten at most (BEP 5)", () => {
  const life = (issuedAt: Ms) => {
    const tokens = new TokenIssuer(secret);
    const token = tokens.issue(issuedAt, here, key(1));
    let last = issuedAt;
    for (let now = issuedAt; now < issuedAt + minutes(20); now = ms(now + 1000)) {
      if (tokens.accepts(now, here, key(1), token)) last = now;
    }
    return (last - issuedAt) / 1000;
  };
  for (let second = 0; second < 300; second += 23) {
    const seconds = life(ms(start + 1000 * second));
    ok(seconds >= 300 && seconds < 600, `issued ${second} s into an epoch: ${seconds} s`);
  }
});

test("a token is good for one IP and one key, whatever the port", () => {
  const tokens = new TokenIssuer(secret);
  for (const address of [here, ip("2001:db8::7")]) {
    const token = tokens.issue(start, address, key(1));
    equal(tokens.accepts(start, address, key(1), token), true);
    equal(tokens.accepts(start, address, key(2), token), false);
    const neighbour = address.slice();
    neighbour[2] = 0xaa;
    equal(tokens.accepts(start, neighbour, key(1), token), false);
  }
});

test("a token of another length is refused", () => {
  const tokens = new TokenIssuer(secret);
  const token = tokens.issue(start, here, key(1));
  for (const wrong of [new Uint8Array(), token.subarray(0, 7), Uint8Array.of(...token, 0)]) {
    equal(tokens.accepts(start, here, key(1), wrong), false);
  }
});

test("of a hundred thousand forged, old and borrowed tokens none is accepted", () => {
  const prng = new Prng(5, "forge");
  const tokens = new TokenIssuer(secret);
  const real = tokens.issue(start, here, key(1));
  const old = tokens.issue(ms(start - minutes(10)), here, key(1));
  let accepted = 0;
  for (let index = 0; index < 100_000; index += 1) {
    const guess = prng.bytes(8);
    const kind = index % 5;
    if (kind === 1) guess.set(real.subarray(0, prng.below(7)));
    if (kind === 2) guess.set(old);
    if (kind === 3) guess.set(tokens.issue(start, prng.bytes(4), key(1)));
    if (kind === 4) guess.set(tokens.issue(start, here, prng.bytes(20)));
    if (tokens.accepts(start, here, key(1), guess)) accepted += 1;
  }
  equal(accepted, 0);
  equal(tokens.accepts(start, here, key(1), real), true);
});

test("another secret gives other tokens, and so does another epoch", () => {
  const tokens = new TokenIssuer(secret);
  const token = tokens.issue(start, here, key(1));
  notDeepEqual(new TokenIssuer(new Prng(7).bytes(16)).issue(start, here, key(1)), token);
  notDeepEqual(tokens.issue(ms(start + minutes(5)), here, key(1)), token);
});

test("a secret that is too short is our own mistake", () => {
  throws(() => new TokenIssuer(new Uint8Array(15)), /16 bytes/);
});

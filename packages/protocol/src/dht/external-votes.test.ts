import { equal } from "node:assert/strict";
import { test } from "node:test";
import { ExternalVotes } from "./external-votes.ts";

const ours = { ip: "80.1.2.3", port: 6881 };
const other = { ip: "90.1.2.3", port: 6881 };

test("five places that agree decide, four do not", () => {
  const votes = new ExternalVotes(4);
  for (let place = 1; place <= 4; place += 1) equal(votes.add(at(`20.${place}.0.1`), ours), undefined);
  equal(votes.add(at("20.5.0.1"), ours), "80.1.2.3");
});

test("many nodes of one /16 have one vote", () => {
  const votes = new ExternalVotes(4);
  for (let node = 1; node <= 50; node += 1) equal(votes.add(at(`20.1.${node}.1`), other), undefined);
  for (let place = 2; place <= 5; place += 1) votes.add(at(`20.${place}.0.1`), ours);
  equal(votes.add(at("20.6.0.1"), ours), "80.1.2.3");
});

test("less than half of the votes do not decide, and later ones of the same place replace the earlier", () => {
  const votes = new ExternalVotes(4);
  for (let place = 1; place <= 6; place += 1) votes.add(at(`20.${place}.0.1`), other);
  for (let place = 11; place <= 16; place += 1) equal(votes.add(at(`20.${place}.0.1`), ours), undefined);
  equal(votes.add(at("20.1.9.9"), ours), "80.1.2.3");
});

test("local voters, local addresses and those of the other family count for nothing", () => {
  const votes = new ExternalVotes(4);
  for (let place = 1; place <= 9; place += 1) {
    equal(votes.add(at(`10.${place}.0.1`), ours), undefined);
    equal(votes.add(at(`20.${place}.0.1`), at("192.168.1.1")), undefined);
    equal(votes.add(at(`20.${place}.0.1`), at("2001:db9::1")), undefined);
  }
  for (let place = 1; place <= 4; place += 1) equal(votes.add(at(`20.${place}.0.1`), ours), undefined);
});

function at(ip: string) {
  return { ip, port: 6881 };
}

import { deepEqual, equal } from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { addAddress, ip, Machines, namespacesRefused, type Running } from "./testing/namespaces.ts";
import { turn, until } from "./testing/net-world.ts";

const refused = namespacesRefused();
const options = { timeout: 60_000, ...(refused === undefined ? {} : { skip: refused }) };
const speaker = join(import.meta.dirname, "testing/lsd-main.ts");

interface Heard {
  readonly ip: string;
  readonly neighbour: boolean;
  readonly text: string;
}

/** The addresses from which this text was heard. */
function sources(running: Running, text: string): string[] {
  const heard = running.said.filter((said) => (said as Heard).text === text) as Heard[];
  return [
    ...new Set(heard.map(({ ip: source, neighbour }) => `${source}${neighbour ? "" : " (stranger)"}`)),
  ].sort();
}

const ready = (...all: readonly Running[]) =>
  until(() => all.every(({ said }) => said.length > 0), "everyone listens", 15_000);

test(
  "two machines on a cable hear each other over both families, also from global addresses",
  options,
  async () => {
    using machines = new Machines();
    const [left, right] = [machines.add("left"), machines.add("right")];
    machines.join(
      { machine: left, device: "veth0", addresses: ["192.168.7.1/24", "2001:db8:7::1/64"] },
      { machine: right, device: "veth0", addresses: ["192.168.7.2/24", "2001:db8:7::2/64"] },
    );
    const a = machines.start(left, speaker, ["left"]);
    const b = machines.start(right, speaker, ["right"]);
    await until(
      () => [sources(a, "right"), sources(b, "left"), sources(a, "left")].every(({ length }) => length === 2),
      "both ways, and to itself",
      20_000,
    );
    deepEqual(sources(a, "right"), ["192.168.7.2", "2001:db8:7::2"]);
    deepEqual(sources(b, "left"), ["192.168.7.1", "2001:db8:7::1"]);
    deepEqual(
      sources(a, "left"),
      ["192.168.7.1", "2001:db8:7::1"],
      "and itself, as another process of its machine would",
    );
  },
);

test(
  "bound to an interface, the other network is neither spoken to nor heard, though the machine has joined it",
  options,
  async () => {
    using machines = new Machines();
    const [middle, left, right] = ["middle", "left", "right"].map((name) => machines.add(name)) as [
      string,
      string,
      string,
    ];
    machines.join(
      { machine: middle, device: "veth0", addresses: ["10.1.0.1/24"] },
      { machine: left, device: "veth0", addresses: ["10.1.0.2/24"] },
    );
    machines.join(
      { machine: middle, device: "veth1", addresses: ["10.2.0.1/24"] },
      { machine: right, device: "veth0", addresses: ["10.2.0.2/24"] },
    );
    const free = machines.start(middle, speaker, ["free"]);
    const bound = machines.start(middle, speaker, ["bound", "veth0"]);
    const a = machines.start(left, speaker, ["left"]);
    const b = machines.start(right, speaker, ["right"]);
    await ready(free, bound, a, b);
    await until(
      () => sources(free, "left").length + sources(free, "right").length === 2,
      "free hears both",
      15_000,
    );
    await until(
      () => sources(bound, "left").length === 1 && sources(a, "bound").length === 1,
      "bound and left",
    );
    await until(() => sources(b, "free").length === 1, "right hears free");
    await turn(1000); // five more rounds of everyone
    deepEqual(sources(bound, "right"), []);
    deepEqual(sources(b, "bound"), []);
    deepEqual(sources(a, "bound"), ["10.1.0.1"]);
  },
);

test(
  "a machine that moves to another address speaks and hears there; without any network it goes on in silence",
  options,
  async () => {
    using machines = new Machines();
    const [left, right] = [machines.add("left"), machines.add("right")];
    const alone = machines.start(left, speaker, ["left"]);
    await ready(alone);
    machines.join(
      { machine: left, device: "veth0", addresses: ["10.3.0.1/24"] },
      { machine: right, device: "veth0", addresses: ["10.3.0.2/24", "10.4.0.2/24"] },
    );
    const other = machines.start(right, speaker, ["right"]);
    await until(() => sources(other, "left").includes("10.3.0.1"), "heard on the network that came", 15_000);
    await until(() => sources(alone, "right").length > 0, "and hearing there", 15_000);
    ip("-n", left, "address", "del", "10.3.0.1/24", "dev", "veth0");
    addAddress(left, "veth0", "10.4.0.1/24");
    await until(() => sources(other, "left").includes("10.4.0.1"), "heard from the new address", 15_000);
    alone.said.length = 0;
    await until(() => sources(alone, "right").length > 0, "and hearing at the new address", 15_000);
    equal(sources(other, "left").length, 2);
  },
);

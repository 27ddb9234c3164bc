import { deepEqual, equal } from "node:assert/strict";
import type { NetworkInterfaceInfo } from "node:os";
import { test } from "node:test";
import { type BindingOptions, type InterfaceTable, LocalBinding } from "./local-binding.ts";
import { contains, localSubnets } from "./local-subnets.ts";

const machine: InterfaceTable = {
  lo: [
    info("127.0.0.1", "255.0.0.0", { internal: true }),
    info("::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", { internal: true }),
  ],
  eth0: [
    info("192.168.1.5", "255.255.255.0"),
    info("fe80::5", "ffff:ffff:ffff:ffff::", { scopeid: 2 }),
    info("2001:db8:1::5", "ffff:ffff:ffff:ffff::"),
    info("2001:db8:1::77aa", "ffff:ffff:ffff:ffff::"),
  ],
  tun0: [info("10.8.0.2", "255.255.255.252")],
};

const names = (options: BindingOptions) =>
  localSubnets(new LocalBinding(options, () => machine), machine).map(
    ({ ip, prefixBits }) => `${ip}/${prefixBits}`,
  );

test("every network of the machine but loopback, one address of each over IPv6, none that is link-local", () => {
  deepEqual(names({}), ["192.168.1.5/24", "2001:db8:1::5/64", "10.8.0.2/30"]);
  deepEqual(names({ listen: "0.0.0.0" }), ["192.168.1.5/24", "10.8.0.2/30"]);
});

test("bound to an address or an interface there is no other network, not even to hear", () => {
  deepEqual(names({ interface: "tun0" }), ["10.8.0.2/30"]);
  deepEqual(names({ listen: "192.168.1.5" }), ["192.168.1.5/24"]);
  deepEqual(names({ listen: "127.0.0.1" }), ["127.0.0.1/8"]);
  deepEqual(names({ interface: "eth0" }), ["192.168.1.5/24", "2001:db8:1::5/64"]);
  deepEqual(names({ listen: "203.0.113.7" }), [], "an address that the machine does not have");
});

test("an address lies in a network when it shares its prefix, to the bit", () => {
  const [four, six, tunnel] = localSubnets(new LocalBinding({}, () => machine), machine);
  if (four === undefined || six === undefined || tunnel === undefined) throw new Error("there are three");
  equal(contains(four, "192.168.1.255"), true);
  equal(contains(four, "192.168.2.1"), false);
  equal(contains(tunnel, "10.8.0.3"), true);
  equal(contains(tunnel, "10.8.0.4"), false);
  equal(contains(six, "2001:db8:1::ffff"), true);
  equal(contains(six, "2001:db8:1:1::5"), false);
  equal(contains(six, "192.168.1.5"), false);
  equal(contains(four, "nonsense"), false);
});

test("a machine with very many networks speaks to thirty-two, and a mask that cannot be read is a network of one", () => {
  const many: InterfaceTable = Object.fromEntries(
    Array.from({ length: 40 }, (_, index) => [`br${index}`, [info(`10.0.${index}.1`, "")]]),
  );
  const subnets = localSubnets(new LocalBinding({}, () => many), many);
  deepEqual([subnets.length, subnets[0]?.prefixBits], [32, 32]);
});

function info(
  address: string,
  netmask: string,
  more: { internal?: boolean; scopeid?: number } = {},
): NetworkInterfaceInfo {
  const common = { address, netmask, mac: "", internal: more.internal ?? false, cidr: null };
  return address.includes(":")
    ? { ...common, family: "IPv6", scopeid: more.scopeid ?? 0 }
    : { ...common, family: "IPv4" };
}

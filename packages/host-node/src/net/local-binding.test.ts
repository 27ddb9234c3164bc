import { deepEqual, equal, throws } from "node:assert/strict";
import type { NetworkInterfaceInfo } from "node:os";
import { test } from "node:test";
import { type BindingOptions, type InterfaceTable, LocalBinding } from "./local-binding.ts";

const machine: InterfaceTable = {
  lo: [info("127.0.0.1"), info("::1")],
  eth0: [info("192.168.1.5"), info("fe80::5", 2), info("2001:db8::5")],
  tun0: [info("10.8.0.2")],
  down0: [],
};

test("without a wish, all addresses of both families are used, and the system chooses the source", () => {
  const binding = bind({});
  deepEqual(binding.families, [4, 6]);
  deepEqual([binding.address(4), binding.address(6)], ["0.0.0.0", "::"]);
  deepEqual([binding.source(4), binding.source(6)], [undefined, undefined]);
});

test("an address to listen on is also the one to connect from, and silences the other family", () => {
  const binding = bind({ listen: "192.168.1.5" });
  deepEqual(binding.families, [4]);
  deepEqual([binding.source(4), binding.source(6)], ["192.168.1.5", false]);
  deepEqual(bind({ listen: "::" }).families, [6]);
  equal(bind({ listen: "::" }).source(6), undefined);
});

test("an interface is its first address of each family; link-local ones are no use", () => {
  const binding = bind({ interface: "eth0" });
  deepEqual([binding.source(4), binding.source(6)], ["192.168.1.5", "2001:db8::5"]);
  deepEqual(bind({ interface: "tun0" }).families, [4]);
  equal(bind({ interface: "10.8.0.2" }).source(4), "10.8.0.2");
  equal(bind({ interface: "eth0", listen: "2001:db8::5" }).source(4), false);
});

test("an interface that is absent, or does not have the address, is refused", () => {
  const expected = { name: "NodeError", code: "listen" };
  const wishes: readonly BindingOptions[] = [
    { interface: "tun9" },
    { interface: "down0" },
    { interface: "10.9.9.9" },
    { interface: "tun0", listen: "192.168.1.5" },
    { interface: "tun0", listen: "0.0.0.0" },
    { listen: "localhost" },
    { listen: "1.2.3" },
  ];
  for (const wish of wishes) throws(() => bind(wish), expected);
});

test("an interface that goes away takes its traffic with it within a second, and gives it back", () => {
  let table = machine;
  let now = 0;
  const binding = new LocalBinding(
    { interface: "tun0" },
    () => table,
    () => now,
  );
  equal(binding.source(4), "10.8.0.2");
  table = { ...machine, tun0: [] };
  now = 1000;
  equal(binding.source(4), false);
  equal(binding.source(6), false);
  table = { ...machine, tun0: [info("10.8.0.9")] };
  now = 2000;
  equal(binding.source(4), "10.8.0.9");
});

function bind(options: BindingOptions): LocalBinding {
  return new LocalBinding(options, () => machine);
}

function info(address: string, scopeid = 0): NetworkInterfaceInfo {
  const common = { address, netmask: "", mac: "", internal: false, cidr: null };
  return address.includes(":") ? { ...common, family: "IPv6", scopeid } : { ...common, family: "IPv4" };
}

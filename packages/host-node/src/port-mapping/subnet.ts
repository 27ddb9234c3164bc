import type { NetworkInterfaceInfo } from "node:os";
import { byteAt, type Family, familyOf, parseIp } from "@dure/base";

export type InterfaceTable = Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>;

/** Whether the two addresses differ only where the mask is zero. */
export function sameSubnet(ip: string, other: string, netmask: string): boolean {
  const [a, b, mask] = [parseIp(ip), parseIp(other), parseIp(netmask)];
  if (a === undefined || b === undefined || mask === undefined) return false;
  if (a.length !== b.length || a.length !== mask.length) return false;
  return a.every((byte, index) => ((byte ^ byteAt(b, index)) & byteAt(mask, index)) === 0);
}

/** Whether the address is of the network that `local` is in: one that is reached without a gateway. */
export function onLink(ip: string, local: string, table: InterfaceTable): boolean {
  return Object.values(table).some((infos) =>
    infos?.some((info) => info.address === local && sameSubnet(ip, local, info.netmask)),
  );
}

/** The device's addresses of one family. */
export function addressesOf(
  device: string,
  family: Family,
  table: InterfaceTable,
): readonly NetworkInterfaceInfo[] {
  return (table[device] ?? []).filter((info) => familyOf(info.address) === family);
}

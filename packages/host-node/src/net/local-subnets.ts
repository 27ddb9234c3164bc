import { networkInterfaces } from "node:os";
import { canonicalIp, type Family, familyOf, must, parseIp } from "@dure/base";
import type { InterfaceTable, LocalBinding } from "./local-binding.ts";

/** An address of ours from which a local network can be spoken to. */
export interface LocalSubnet {
  readonly name: string;
  readonly ip: string;
  readonly family: Family;
  readonly prefixBits: number;
}

/** A machine with more has bridges and tunnels that nobody waits on. */
const subnetsMax = 32;

/**
 * The local networks that traffic may use. Loopback is none, unless it is what we are bound to; link-local IPv6
 * addresses are left out, as nothing that is heard there can be dialled.
 */
export function localSubnets(
  binding: LocalBinding,
  table: InterfaceTable = networkInterfaces(),
): readonly LocalSubnet[] {
  const subnets: LocalSubnet[] = [];
  for (const [name, infos] of Object.entries(table)) {
    for (const info of infos ?? []) {
      const ip = canonicalIp(info.address);
      if (ip === undefined || (info.family === "IPv6" && info.scopeid !== 0)) continue;
      const family = familyOf(ip);
      const bound = binding.address(family);
      const all = bound === "0.0.0.0" || bound === "::";
      if (all ? info.internal : bound !== ip) continue;
      // One address speaks for an interface over IPv6: the others are temporary ones of the same network.
      if (family === 6 && subnets.some((other) => other.family === 6 && other.name === name)) continue;
      subnets.push({ name, ip, family, prefixBits: prefixOf(info.netmask, family) });
    }
  }
  return subnets.slice(0, subnetsMax);
}

export function contains(subnet: LocalSubnet, ip: string): boolean {
  if (familyOf(ip) !== subnet.family) return false;
  const own = must(parseIp(subnet.ip), "an address of ours is one");
  const other = parseIp(ip);
  if (other === undefined) return false;
  for (let bit = 0; bit < subnet.prefixBits; bit += 1) {
    const mask = 0x80 >>> (bit & 7);
    if (((own[bit >>> 3] ?? 0) & mask) !== ((other[bit >>> 3] ?? 0) & mask)) return false;
  }
  return true;
}

/** A mask that cannot be read means a network of one. */
function prefixOf(netmask: string, family: Family): number {
  const bytes = parseIp(netmask);
  if (bytes === undefined || bytes.length !== (family === 4 ? 4 : 16)) return family === 4 ? 32 : 128;
  return bytes.reduce((sum, byte) => sum + bitsOf(byte), 0);
}

function bitsOf(byte: number): number {
  let bits = 0;
  for (let rest = byte; rest !== 0; rest &= rest - 1) bits += 1;
  return bits;
}

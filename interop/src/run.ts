import type { Lab } from "./lab.ts";
import type { Matrix, Outcome } from "./matrix.ts";
import { type Plan, plans, titleOf, us } from "./plan.ts";
import { transfer } from "./transfer.ts";

/** What one cell came to; `why` where it was not tried or did not pass. */
export interface Found {
  readonly outcome: Outcome;
  readonly why?: string;
}

/** Fill one cell. Never throws for what the programs did. */
export async function fill(lab: Lab, plan: Plan): Promise<Found> {
  if (plan.limit !== undefined) return { outcome: plan.limit, why: `${plan.tracker}: ${plan.limit}` };
  const why = whyNotTried(lab, plan);
  if (why !== undefined) return { outcome: "absent", why };
  try {
    await lab.lend((network) => transfer(lab, network, { title: titleOf(plan), ...plan }));
    return { outcome: "passed" };
  } catch (error) {
    return { outcome: "failed", why: error instanceof Error ? error.message : String(error) };
  }
}

/** The cells in an order that pairs Transmission's, which wait for its ten-second rounds, with cells that work. */
export function schedule(): Plan[] {
  const waits = plans.filter(({ row }) => row.includes("transmission"));
  const works = plans.filter((plan) => !waits.includes(plan));
  return [...waits.flatMap((plan) => [plan, ...works.splice(0, 2)]), ...works];
}

export function matrixOf(lab: Lab, found: ReadonlyMap<Plan, Found>): Matrix {
  const versions: Record<string, string> = {};
  for (const [name, version] of Object.entries(lab.versions)) {
    if (version !== null && name !== us) versions[name] = version;
  }
  const cells: Record<string, Outcome> = {};
  for (const plan of plans) cells[titleOf(plan)] = found.get(plan)?.outcome ?? "absent";
  return { versions, cells };
}

function whyNotTried(lab: Lab, { seeder, leecher, tracker, case: { ipv6 } }: Plan): string | undefined {
  const absent = [seeder, leecher, tracker].find((name) => lab.versions[name] === null);
  if (absent !== undefined) return `${absent} is not installed`;
  const { refused } = lab.networks;
  if (refused !== undefined && [seeder, leecher].includes("transmission")) {
    return `Transmission takes no peers in 127.0.0.0/8, and ${refused}`;
  }
  return ipv6 === true && !lab.hasIpv6 ? "this machine has no IPv6" : undefined;
}

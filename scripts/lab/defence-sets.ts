import { type Defences, defencesOff } from "@dure/protocol";

/** What the tables compare: everything on, each defence off in turn, everything off. */
export const defenceSets: Readonly<Record<string, Partial<Defences>>> = {
  "all on": {},
  "without subnetLimits": { subnetLimits: false },
  "without secureIds": { secureIds: "off" },
  "without region": { region: false },
  "without diversity": { diversity: false },
  "without sideSearch": { sideSearch: false },
  "without disjointPaths": { disjointPaths: false },
  "without distrust": { distrust: false },
  "all off": defencesOff,
};

/** What the asking half does against hostile nodes. All on by default; the simulator switches them off one by one. */
export interface Defences {
  /** One address per /24 (IPv4) or /64 (IPv6) in a bucket and in a lookup, one node per IP in a table. */
  readonly subnetLimits: boolean;
  /** Nodes whose id fits their address (BEP 42) are preferred in the table and count alone toward a lookup's end. */
  readonly secureIds: "off" | "prefer" | "enforce";
  /** Store to and search in the whole region in which the k-th node is expected, by the estimated size of the network. */
  readonly region: boolean;
  /** A region must hold as many distinct 6-bit address groups as lookups usually meet; else it is widened. */
  readonly diversity: boolean;
  /** Nodes of the region are also sought from its sides, where a crowd at the target cannot hide them. */
  readonly sideSearch: boolean;
  /** A lookup begins on separate paths that do not hear of one another. */
  readonly disjointPaths: boolean;
  /** A node that names nodes which never answer loses its say. */
  readonly distrust: boolean;
}

export const defencesOn: Defences = {
  subnetLimits: true,
  secureIds: "prefer",
  region: true,
  diversity: true,
  sideSearch: true,
  disjointPaths: true,
  distrust: true,
};

/** Kademlia as in BEP 5, for comparison. */
export const defencesOff: Defences = {
  subnetLimits: false,
  secureIds: "off",
  region: false,
  diversity: false,
  sideSearch: false,
  disjointPaths: false,
  distrust: false,
};

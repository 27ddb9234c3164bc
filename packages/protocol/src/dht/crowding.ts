/** Of honest places, so many may look crowded, by each of the two tests. */
const alarmChance = 0.003;
/**
 * Inner parts of a place, and which share of its nodes is expected there. Somewhat more than the part itself: lookups
 * miss some of the farther nodes, as each answer names the closest only.
 */
const innerParts = [
  { reach: 1 / 4, chance: 0.4 },
  { reach: 1 / 20, chance: 0.065 },
];

/**
 * Whether nodes lie around a target as chance would not have it. `shares` are their distances in units of the one
 * within which 20 are expected.
 *
 * Nodes at random ids lie evenly in [0, 1], however many there are: too many of them within a quarter or a twentieth
 * are a crowd at the target, or one that hides those farther out. This holds also where the size of the network is
 * misjudged, as after a single lookup. Only a crowd that spreads evenly has to be told by its number.
 */
export function isCrowded(shares: readonly number[]): boolean {
  const within = (reach: number) => shares.filter((share) => share <= reach).length;
  const all = within(1);
  if (all >= 60 || all <= 5) return true;
  return innerParts.some(({ reach, chance }) => chanceOfSoMany(all, chance, within(reach)) < alarmChance);
}

// That of `all` things, each inside with the given chance, at least `count` are: the tail of the binomial distribution.
function chanceOfSoMany(all: number, chance: number, count: number): number {
  let exactly = (1 - chance) ** all;
  let fewer = 0;
  for (let inside = 0; inside < count; inside += 1) {
    fewer += exactly;
    exactly *= ((all - inside) / (inside + 1)) * (chance / (1 - chance));
  }
  return 1 - fewer;
}

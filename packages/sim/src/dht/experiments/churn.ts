import { type Ms, minutes, ms } from "@dure/base";
import type { DhtLab } from "../dht-lab.ts";
import type { LabNode } from "../lab-node.ts";
import { type Spread, spreadOf, type Tally, tallyOf } from "./spread.ts";
import { seek, storePeers } from "./stored.ts";

export interface ChurnFigures {
  readonly nodes: number;
  /** Of the nodes, this share leaves in ten minutes, and as many join. */
  readonly share: number;
  readonly replaced: number;
  readonly found: Tally;
  readonly elapsed: Spread;
}

const tenMinutes: Ms = minutes(10);

/**
 * Nodes come and go for a quarter of an hour, those who announced something excepted; in its last ten minutes all that
 * was announced is sought, also by newcomers. After such a time peers announce themselves again: it gets no worse.
 */
export function measureChurn(
  lab: DhtLab,
  options: { readonly share: number; readonly topics: number; readonly lookups: number },
): ChurnFigures {
  const stored = storePeers(lab, options.topics, minutes(1));
  const staying = new Set(stored.flatMap((one) => (one.type === "peer" ? [one.by] : [])));
  const churn = new Churn(lab, staying, (options.share * lab.nodes.length) / tenMinutes);
  churn.start();
  lab.runFor(minutes(5));
  const rounds = 10; // so that those who came meanwhile seek too
  const sought = Array.from({ length: rounds }, () =>
    seek(
      lab,
      lab.pickNodes(Math.ceil(options.lookups / rounds)),
      lab.prng.shuffle(stored),
      ms(tenMinutes / rounds),
    ),
  ).flat();
  churn.stop();
  return {
    nodes: lab.nodes.length,
    share: options.share,
    replaced: churn.replaced,
    found: tallyOf(sought.map(({ found }) => found)),
    elapsed: spreadOf(sought.map(({ outcome }) => outcome.report.elapsed)),
  };
}

/** At random moments somebody leaves without a word and somebody new comes. */
class Churn {
  readonly #lab: DhtLab;
  readonly #staying: ReadonlySet<LabNode>;
  readonly #perMs: number;
  #stopped = false;
  replaced = 0;

  constructor(lab: DhtLab, staying: ReadonlySet<LabNode>, perMs: number) {
    this.#lab = lab;
    this.#staying = staying;
    this.#perMs = perMs;
  }

  start(): void {
    const wait = -Math.log(1 - this.#lab.prng.float()) / this.#perMs;
    this.#lab.clock.after(wait, () => {
      if (this.#stopped) return;
      this.#replace();
      this.start();
    });
  }

  stop(): void {
    this.#stopped = true;
  }

  #replace(): void {
    const free = this.#lab.nodes.filter((node) => !this.#staying.has(node));
    const leaving = this.#lab.prng.pick(free);
    if (leaving === undefined) return;
    this.#lab.leave(leaving);
    this.#lab.join();
    this.replaced += 1;
  }
}

import { ms, type Prng } from "@dure/base";
import type { StateJob, StateResult } from "@dure/carrier";
import type { Clock } from "../time/index.ts";
import type { SimProfile } from "./sim-profile.ts";

export interface SimStateOptions {
  readonly clock: Clock;
  readonly profile: SimProfile;
  readonly prng: Prng;
  readonly pid: number;
  readonly onResults: (results: readonly StateResult[]) => void;
}

const journalMost = 2;
const commitMost = 20;

/** The state port of one process: jobs in order, each at its time. */
export class SimState {
  readonly #options: SimStateOptions;
  #freeAt = ms(0);
  #open = true;

  constructor(options: SimStateOptions) {
    this.#options = options;
  }

  submit(jobs: readonly StateJob[]): void {
    const { clock, prng, profile, pid } = this.#options;
    for (const job of jobs) {
      const time = prng.float() * (job.type === "commit" ? commitMost : journalMost);
      this.#freeAt = ms(Math.max(this.#freeAt, clock.now) + time);
      clock.at(this.#freeAt, () => {
        if (!this.#open) return;
        const result = profile.do(pid, job);
        this.#options.onResults([{ ...result, job: job.job } as StateResult]); // the spread restores the number
      });
    }
  }

  /** The process ends: jobs that have not been done never are. */
  close(): void {
    this.#open = false;
    this.#options.profile.ended(this.#options.pid);
  }
}

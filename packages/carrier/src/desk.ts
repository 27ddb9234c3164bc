import { assert, Queue } from "@dure/base";
import type { DiskJob, DiskResult, HostEffect, StateJob, StateResult } from "./ports/index.ts";
import type { DhtReport, Report } from "./reports.ts";

type WithoutJob<Job> = Job extends unknown ? Omit<Job, "job"> : never;
type DiskAnswer = (result: DiskResult) => void;
type StateAnswer = (result: StateResult) => void;

/**
 * Where everything leaves and answers come back: effects in order, disk and state jobs gathered so that the jobs of one
 * turn travel in one message, and who waits for which job.
 */
export class Desk {
  readonly #effects = new Queue<HostEffect | Report | DhtReport>(); // bounded: drained after each event
  #diskJobs: DiskJob[] = []; // bounded: taken at the end of each turn
  #stateJobs: StateJob[] = [];
  /** Bounded by the pool for writes and reads, by the torrents for the rest. */
  readonly #diskWaiting = new Map<number, DiskAnswer>();
  readonly #stateWaiting = new Map<number, StateAnswer>();
  #jobs = 0;

  emit(effect: HostEffect | Report | DhtReport): void {
    this.#effects.push(effect);
  }

  disk(job: WithoutJob<DiskJob>, answer: DiskAnswer): void {
    this.#jobs += 1;
    this.#diskJobs.push({ ...job, job: this.#jobs } as DiskJob); // the spread restores what `WithoutJob` took
    this.#diskWaiting.set(this.#jobs, answer);
  }

  state(job: WithoutJob<StateJob>, answer: StateAnswer): void {
    this.#jobs += 1;
    this.#stateJobs.push({ ...job, job: this.#jobs } as StateJob); // as above
    this.#stateWaiting.set(this.#jobs, answer);
  }

  diskAnswered(result: DiskResult): void {
    const answer = this.#diskWaiting.get(result.job);
    assert(answer !== undefined, "a disk result answers a job");
    this.#diskWaiting.delete(result.job);
    answer(result);
  }

  stateAnswered(result: StateResult): void {
    const answer = this.#stateWaiting.get(result.job);
    assert(answer !== undefined, "a state result answers a job");
    this.#stateWaiting.delete(result.job);
    answer(result);
  }

  poll(): HostEffect | Report | DhtReport | undefined {
    const effect = this.#effects.shift();
    if (effect !== undefined) return effect;
    if (this.#diskJobs.length > 0) {
      const jobs = this.#diskJobs;
      this.#diskJobs = [];
      return { type: "disk", jobs };
    }
    if (this.#stateJobs.length > 0) {
      const jobs = this.#stateJobs;
      this.#stateJobs = [];
      return { type: "state", jobs };
    }
    return undefined;
  }
}

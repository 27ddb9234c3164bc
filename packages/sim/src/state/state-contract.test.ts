import { must, Prng } from "@dure/base";
import type { StateJob, StateResult } from "@dure/carrier";
import { type StateJobBody, stateContract } from "@dure/carrier/contract";
import { EventQueue } from "../time/index.ts";
import { SimProfile, SimState } from "./index.ts";

stateContract("simulated", async () => {
  const clock = new EventQueue();
  const prng = new Prng(1);
  const profile = new SimProfile(clock, prng.split("profile"));
  let pids = 0;
  return {
    start: async () => {
      pids += 1;
      let results: StateResult[] = [];
      const onResults = (some: readonly StateResult[]) => void results.push(...some);
      const state = new SimState({ clock, profile, prng: prng.split("state"), pid: pids, onResults });
      const close = async () => state.close();
      return {
        run: async (bodies: readonly StateJobBody[]) => {
          results = [];
          const jobs = bodies.map((body, index): StateJob => ({ ...body, job: index }));
          state.submit(jobs);
          while (clock.step());
          return jobs.map(({ job }) =>
            must(
              results.find((result) => result.job === job),
              "it was answered",
            ),
          );
        },
        close,
        kill: close,
      };
    },
    remove: async () => {},
  };
});

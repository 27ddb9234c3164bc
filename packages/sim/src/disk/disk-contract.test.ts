import { Prng } from "@dure/base";
import { DiskRunner, diskContract } from "@dure/carrier/contract";
import { EventQueue } from "../time/index.ts";
import { SimDisk, Volume } from "./index.ts";

const root = "/downloads";

diskContract("simulated", async ({ poolBytes }) => {
  const clock = new EventQueue();
  const pool = new Uint8Array(poolBytes);
  const prng = new Prng(1);
  const volume = new Volume(prng.split("volume"));
  volume.makeFolder(root);
  const runner = new DiskRunner((jobs) => disk.submit(jobs));
  const disk = new SimDisk({ clock, volume, pool, prng, onResults: (results) => runner.hear(results) });
  const below = (path: string) => (path === "" ? root : `${root}/${path}`);
  return {
    root,
    pool,
    run: (jobs) => {
      const results = runner.run(jobs);
      while (clock.step());
      return results;
    },
    put: (path, bytes) => volume.put(below(path), bytes),
    get: (path) => {
      const file = volume.file(below(path));
      return file === undefined ? undefined : file.read(0, file.length).slice();
    },
    erase: (path) => volume.erase(below(path)),
    close: async () => disk.close(),
  };
});

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { must } from "@dure/base";

/** Why no mounts can be made here; false when they can. */
export const noMounts: string | false =
  spawnSync("unshare", ["-m", "sh", "-c", "mount -t tmpfs -o size=64k none /mnt"]).status === 0
    ? false
    : "this user may not mount";

/** A mount namespace of its own, with mounts that nobody else sees. It lives as long as a process that waits in it. */
export class MountSpace implements AsyncDisposable {
  readonly #holder: ChildProcess;

  static async open(): Promise<MountSpace> {
    const space = new MountSpace();
    await once(must(space.#holder.stdout ?? undefined, "started with a pipe"), "data");
    return space;
  }

  constructor() {
    this.#holder = spawn("unshare", ["-m", "sh", "-c", "echo ready; exec sleep 300"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
  }

  /** What starts a program in the space. */
  get enter(): readonly string[] {
    return ["nsenter", "-t", String(this.#holder.pid), "-m"];
  }

  run(script: string): void {
    const [command = "", ...args] = [...this.enter, "sh", "-ec", script];
    const { status, stderr } = spawnSync(command, args, { encoding: "utf8" });
    if (status !== 0) throw new Error(`${script}: ${stderr}`);
  }

  /** A path of the space as this process reaches it. */
  seen(path: string): string {
    return join(`/proc/${this.#holder.pid}/root`, path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#holder.kill("SIGKILL");
    await once(this.#holder, "exit");
  }
}

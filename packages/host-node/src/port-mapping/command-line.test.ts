/** `dure` and a gateway as two machines on a cable, on the real ports and multicast groups. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { must } from "@dure/base";
import { ip, Machines, namespacesRefused } from "../net/testing/namespaces.ts";
import { until } from "../net/testing/net-world.ts";
import { temporary } from "../testing/temporary.ts";

const refused = namespacesRefused();
const options = { timeout: 90_000, ...(refused === undefined ? {} : { skip: refused }) };
const dure = resolve(import.meta.dirname, "../../../../bin/dure");
const gatewayMain = join(import.meta.dirname, "testing/gateway-main.ts");
const both = ["tcp 6885→6885", "udp 6885→6885"];

/** A program on a machine, whose lines are JSON. `nsenter` execs, so that a signal hits the program. */
class Program implements AsyncDisposable {
  readonly said: unknown[] = []; // bounded by the test's length
  readonly child: ChildProcess;
  readonly #ended: Promise<unknown>;

  constructor(machine: string, command: readonly string[]) {
    this.child = spawn("nsenter", [`--net=/run/netns/${machine}`, ...command], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#ended = once(this.child, "exit");
    const input = must(this.child.stdout ?? undefined, "started with pipes");
    createInterface({ input }).on("line", (line) => this.said.push(JSON.parse(line)));
  }

  get last(): unknown {
    return this.said.at(-1);
  }

  async end(signal: NodeJS.Signals): Promise<{ readonly status: number | null; readonly took: number }> {
    const from = performance.now();
    this.child.kill(signal);
    await this.#ended;
    return { status: this.child.exitCode, took: performance.now() - from };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) await this.end("SIGKILL");
  }
}

interface Home {
  readonly gateway: Program;
  dure(...more: readonly string[]): Program;
}

async function atHome(kind: string, story: (home: Home) => Promise<void>): Promise<void> {
  using machines = new Machines();
  const [router, home] = [machines.add("router"), machines.add("home")];
  machines.join(
    { machine: router, device: "veth0", addresses: ["10.77.0.1/24", "fe80::1/64", "2001:db8:77::1/64"] },
    { machine: home, device: "veth0", addresses: ["10.77.0.5/24", "2001:db8:77::5/64"] },
  );
  ip("-n", home, "route", "add", "default", "via", "10.77.0.1");
  ip("-n", home, "-6", "route", "add", "default", "via", "fe80::1", "dev", "veth0");
  await using stack = new AsyncDisposableStack();
  const { folder, remove } = temporary();
  stack.defer(remove);
  const ips = kind === "pcp" ? ["10.77.0.1", "fe80::1%veth0"] : ["10.77.0.1"];
  await using gateway = new Program(router, [process.execPath, gatewayMain, kind, ...ips]);
  await until(() => gateway.last === "ready", "the gateway listens", 15_000);
  const tracker = kind === "other" ? `&tr=${encodeURIComponent("http://10.77.0.1:6969/announce")}` : "";
  const magnet = `magnet:?xt=urn:btih:${"01".repeat(20)}${tracker}`;
  const command = [dure, "get", magnet, "--dir", folder, "--profile", join(folder, "profile"), "--json"];
  const network = ["--port", "6885", "--no-lsd", "--no-dht"];
  await story({
    gateway,
    dure: (...more) => stack.use(new Program(home, [...command, ...network, ...more])),
  });
}

for (const kind of ["pcp", "nat-pmp", "igd1", "igd2"]) {
  test(`a ${kind} gateway maps while dure runs, and sees the removal after SIGTERM`, options, () =>
    atHome(kind, async ({ gateway, dure }) => {
      const program = dure();
      const wanted = kind === "pcp" ? [...both, ...both].sort() : both;
      await until(() => (gateway.last as unknown[]).length === wanted.length, "all is mapped", 30_000);
      deepEqual(gateway.last, wanted);
      const { status, took } = await program.end("SIGTERM");
      equal(status, 143);
      ok(took < 2000, `${took} ms`);
      deepEqual(gateway.last, []);
    }),
  );
}

test("trackers are told the port that the gateway gave, when it is not ours", options, () =>
  atHome("other", async ({ gateway, dure }) => {
    const program = dure();
    const given = ["tcp 50000→6885", "udp 50000→6885"];
    await until(() => gateway.said.some((said) => String(said) === given.join()), "all is mapped", 30_000);
    await until(
      () => gateway.said.some((said) => String(said).startsWith("started")),
      "it is announced",
      30_000,
    );
    await program.end("SIGTERM");
    ok(gateway.said.includes("stopped 50000"), String(gateway.said));
  }),
);

test("a gateway that restarts and says so on the network is asked again within seconds", options, () =>
  atHome("nat-pmp", async ({ gateway, dure }) => {
    dure();
    const mapped = () => gateway.said.filter((said) => Array.isArray(said) && said.length === 2).length;
    await until(() => mapped() === 1, "all is mapped", 30_000);
    gateway.child.stdin?.write("reboot\n");
    await until(() => mapped() === 2, "all is mapped again", 15_000);
  }),
);

test("nothing is asked with --no-port-mapping, nor by a node on loopback", options, () =>
  atHome("pcp", async ({ gateway, dure }) => {
    for (const more of [["--no-port-mapping"], ["--listen", "127.0.0.1"]]) {
      const program = dure(...more);
      await until(() => program.said.length > 0, "it runs", 30_000);
      await new Promise((done) => setTimeout(done, 500));
      await program.end("SIGTERM");
    }
    deepEqual(gateway.said, ["ready"]);
  }),
);

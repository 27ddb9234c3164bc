import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { absentCommands, commands, networkOptions } from "../table/index.ts";
import { runCli } from "../testing/run-cli.ts";
import { parse } from "./parse.ts";
import { suggest } from "./suggest.ts";

test("a full command line becomes the values that its command asks for", () => {
  const line =
    "get a.torrent --dir d --select x --select=y --once --down 1.5MB/s --port 0 --peer [::1]:80 --lang ko -q";
  const request = parse(line.split(" "));
  ok(request.type === "run");
  equal(request.command.name, "get");
  deepEqual(request.operands, ["a.torrent"]);
  const { dir, select, once, down, up, port, peer, ratio, sequential, quiet, json } = request.options;
  deepEqual(
    { dir, select, once, down, up, port, peer, ratio, sequential, quiet, json },
    {
      dir: "d",
      select: ["x", "y"],
      once: true,
      down: 1_500_000,
      up: undefined,
      port: 0,
      peer: ["[::1]:80"],
      ratio: undefined,
      sequential: false,
      quiet: true,
      json: false,
    },
  );
});

test("repeated trackers make tiers, commas make one", () => {
  const request = parse(["create", "p", "--tracker", "udp://a:1,http://b", "--tracker", "http://c"]);
  ok(request.type === "run");
  deepEqual(request.options.tracker, [["udp://a:1", "http://b"], ["http://c"]]);
});

test("options may stand before the command when every command knows them", () => {
  const request = parse(["--profile", "p", "--lang=ko", "show", "x"]);
  ok(request.type === "run");
  equal(request.options.profile, "p");
  equal(request.command.name, "show");
});

test("after -- a dash begins a name", () => {
  const request = parse(["show", "--", "-odd.torrent"]);
  ok(request.type === "run");
  deepEqual(request.operands, ["-odd.torrent"]);
});

const usage: readonly (readonly [string, string])[] = [
  ["gte x", "there is no command gte; did you mean dure get?"],
  ["frobnicate", "there is no command frobnicate; dure --help lists them"],
  ["get", "SOURCE is missing; see dure get --help"],
  ["get a b", "b is one too many; see dure get --help"],
  ["get a --sleect x", "there is no option --sleect, did you mean --select? See dure get --help"],
  ["get a -z", "there is no option -z; see dure get --help"],
  ["--nonsense", "there is no option --nonsense; see dure --help"],
  ["get a --once=1", "--once takes no value"],
  ["get a --dir", "--dir needs a value (one that begins with a dash is given as --dir=-…)"],
  ["get a --dir --once", "--dir needs a value (one that begins with a dash is given as --dir=-…)"],
  ["get a --dir x --dir y", "--dir can be given only once"],
  ["get a --dir=", "--dir needs a value that is not empty"],
  ["get a --port 70000", "--port cannot be 70000; it is a whole number from 0 to 65535"],
  ["get a --port 1.5", "--port cannot be 1.5; it is a whole number from 0 to 65535"],
  ["get a --connections 0", "--connections cannot be 0; it is a whole number from 1 to 65535"],
  ["get a --down fast", "--down cannot be fast; it is a rate such as 500k or 10MB/s"],
  ["get a --ratio -1", "--ratio needs a value (one that begins with a dash is given as --ratio=-…)"],
  ["get a --ratio two", "--ratio cannot be two; it is a number such as 1.5"],
  ["get a --peer host", "--peer cannot be host; it is HOST:PORT, an IPv6 address in brackets"],
  ["get a --peer ::1:80", "--peer cannot be ::1:80; it is HOST:PORT, an IPv6 address in brackets"],
  ["get a --peer h:0", "--peer cannot be h:0; it is HOST:PORT, an IPv6 address in brackets"],
  [
    "get a --dht-bootstrap router",
    "--dht-bootstrap cannot be router; it is HOST:PORT, an IPv6 address in brackets, or none for a network of its own",
  ],
  ["get a --lang fr", "--lang cannot be fr; it is one of en, ko"],
  ["get a --encryption maybe", "--encryption cannot be maybe; it is one of prefer, require, off"],
  ["create p --piece-size big", "--piece-size cannot be big; it is a size such as 500k or 4MiB"],
  ["create p --piece-size 1", "--piece-size cannot be 1; it is from 16KiB to 512MiB"],
  ["create p --tracker a,b", "--tracker cannot be a,b; it is a whole URL such as udp://host:6969/announce"],
  ["completion tcsh", "tcsh is none of bash, zsh, fish"],
  ["help me", "there is no command me; dure --help lists them"],
  ["help get seed", "seed is one too many; see dure help --help"],
];

for (const [line, message] of usage) {
  test(`dure ${line}: one line on stderr, status 2`, async () => {
    const { status, stdout, stderr } = await runCli(line.split(" "));
    // The size is judged when the path is known: any folder will do.
    const expected = line.includes("--piece-size 1") ? /piece-size|not there/ : undefined;
    if (expected === undefined)
      deepEqual({ status, stdout, stderr }, { status: 2, stdout: "", stderr: `dure: ${message}\n` });
    else ok(expected.test(stderr));
  });
}

test("no command at all: help on stderr, status 2", async () => {
  const { status, stdout, stderr } = await runCli([]);
  equal(status, 2);
  equal(stdout, "");
  ok(stderr.startsWith("Usage: dure COMMAND"));
});

test("what this version lacks is refused with status 2 and one line, never ignored", async () => {
  const lines = [
    ...absentCommands.map((command) => `${command} x`),
    "get a --proxy socks5://127.0.0.1:1",
    "get a --no-tcp",
  ];
  for (const line of lines) {
    const { status, stdout, stderr, node } = await runCli(line.split(" "));
    deepEqual({ line, status, stdout }, { line, status: 2, stdout: "" });
    ok(/^dure: .* is not in this version of dure; .*\n$/.test(stderr), stderr);
    equal(node, undefined);
  }
});

test("switching off what this version lacks is accepted: it is true", () => {
  const line =
    "get a --no-utp --no-dht --no-pex --no-lsd --no-port-mapping --encryption off --dht-bootstrap none";
  equal(parse(line.split(" ")).type, "run");
});

test("every command, option and flag of the contract is known", () => {
  const contract = {
    get: "dir once select sequential overwrite",
    seed: "dir assume-complete",
    create: "out format piece-size tracker private comment source web-seed force",
    show: "",
    verify: "dir",
    magnet: "",
    demo: "",
  };
  const network =
    "port listen interface peer down up ratio connections upload-slots encryption no-utp no-tcp no-dht no-pex no-lsd " +
    "no-port-mapping dht-bootstrap proxy super-seed ip-filter deny-list allow-local-urls";
  for (const [name, options] of Object.entries(contract)) {
    const table = commands.find((command) => command.name === name)?.options ?? {};
    for (const option of options.split(" ").filter((each) => each !== ""))
      ok(option in table, `${name} ${option}`);
    ok("json" in table && "quiet" in table, name);
  }
  deepEqual(Object.keys(networkOptions).sort(), network.split(" ").sort());
});

test("with --debug an error brings its stack", async () => {
  const { stderr } = await runCli(["show", "/nowhere/x.torrent", "--debug"]);
  ok(stderr.startsWith("dure: /nowhere/x.torrent is not there; check the path\nCliError"));
});

test("a mistyped word is answered with the nearest known one, and a far one with none", () => {
  const words = ["get", "seed", "create", "show", "verify", "magnet"];
  equal(suggest("sede", words), "seed");
  equal(suggest("ver", words), "verify");
  equal(suggest("magent", words), "magnet");
  equal(suggest("install", words), undefined);
});

import { equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { loadMessages } from "../messages/index.ts";
import { commands, verifyCommand } from "../table/index.ts";
import { displayWidth } from "../terminal/width.ts";
import { runCli } from "../testing/run-cli.ts";
import { commandHelp, overview } from "./help.ts";

test("the help of a command, word for word", async () => {
  equal(
    commandHelp(verifyCommand, await loadMessages("en"), 80),
    `Usage: dure verify TORRENT [options]

Check files on disk against a torrent

  TORRENT  a .torrent file; - reads the standard input

Options:
  --dir DIR  folder that holds the data (default: the current folder)

Output:
  --json        print JSON objects, one a line, and nothing else
  -q, --quiet   print only results and errors
  --lang en|ko  language of messages (default: from the locale)

Everywhere:
  --profile DIR  folder that keeps what the peer remembers (default:
                 DURE_PROFILE, else the XDG state folder)
  --debug        with an error, print its stack too
  -h, --help     show this help
  -V, --version  print the version

Examples:
  dure verify album.torrent --dir ~/Music
`,
  );
});

test("every page fits its terminal in both languages, and names each option that this version has", async () => {
  for (const language of ["en", "ko"] as const) {
    const messages = await loadMessages(language);
    for (const columns of [40, 60, 80, 132]) {
      const pages = commands.map((command) => commandHelp(command, messages, columns));
      const prose = [...pages, overview(messages, columns)].flatMap((page) => page.split("\n"));
      const wide = prose.filter((line) => displayWidth(line) > columns && !line.startsWith("  dure "));
      // Usage lines and words longer than the column stay whole.
      ok(
        wide.every((line) => /^(Usage|사용법)|[^ ]{20}/.test(line)),
        wide.join("\n"),
      );
    }
    for (const command of commands) {
      const page = commandHelp(command, messages, 80);
      for (const [name, spec] of Object.entries(command.options)) {
        const absent = "absent" in spec && spec.absent === true;
        equal(new RegExp(`--${name}( |\\n)`).test(page), !absent, `${command.name} --${name}`);
      }
    }
  }
});

test("the three ways to ask for help give the same page on stdout, status 0", async () => {
  const pages = await Promise.all(
    [
      ["get", "--help"],
      ["help", "get"],
      ["get", "-h", "--lang", "en"],
    ].map((args) => runCli(args)),
  );
  for (const page of pages) {
    equal(page.status, 0);
    equal(page.stdout, pages[0]?.stdout);
    equal(page.stderr, "");
  }
  equal((await runCli(["--help"])).stdout, (await runCli(["help"])).stdout);
});

test("help speaks the language that is asked for", async () => {
  ok((await runCli(["--help", "--lang", "ko"])).stdout.startsWith("사용법:"));
  ok((await runCli(["help"], { env: { LANG: "ko_KR.UTF-8" } })).stdout.startsWith("사용법:"));
  ok((await runCli(["help", "--lang=en"], { env: { LANG: "ko_KR.UTF-8" } })).stdout.startsWith("Usage:"));
});

test("the version stands alone on a line, wherever it is asked for", async () => {
  for (const args of [["--version"], ["-V"], ["get", "--version"], ["--lang", "ko", "--version"]]) {
    const { status, stdout } = await runCli(args);
    equal(status, 0);
    ok(/^dure \d+\.\d+\.\d+\n$/.test(stdout), stdout);
  }
});

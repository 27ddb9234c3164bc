import { deepEqual, ok } from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { loadMessages } from "../messages/index.ts";
import { commands, dhtCommand } from "../table/index.ts";
import { TempFolder } from "../testing/temp-folder.ts";
import { completionScript } from "./index.ts";

const messages = await loadMessages("en");

/** What bash offers for the last word of the line. */
function complete(line: string, cwd = "."): string[] {
  const words = line.split(" ");
  const script = `${completionScript("bash", messages)}
COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}) COMP_CWORD=${words.length - 1}
_dure
printf '%s\\n' "\${COMPREPLY[@]}"`;
  const output = execFileSync("bash", ["--norc", "-c", script], { encoding: "utf8", cwd });
  return output
    .split("\n")
    .filter((word) => word !== "")
    .sort();
}

test("bash offers the commands, then what begins like the word", () => {
  deepEqual(complete("dure "), commands.map((command) => command.name).sort());
  deepEqual(complete("dure s"), ["seed", "show"]);
  deepEqual(complete("dure --profile x ve"), ["verify"]);
  deepEqual(complete("dure help ma"), ["magnet"]);
  deepEqual(complete("dure completion "), ["bash", "fish", "zsh"]);
});

test("bash offers the verbs of a command, and then what they take", () => {
  using folder = new TempFolder();
  folder.write("album.key", "");
  deepEqual(complete("dure dht "), ["get", "lookup", "peers", "put", "sample", "status"]);
  deepEqual(complete("dure dht p"), ["peers", "put"]);
  deepEqual(complete("dure dht peers ", folder.path), []);
  deepEqual(complete("dure keys "), ["new", "show"]);
  deepEqual(complete("dure keys show ", folder.path), ["album.key"]);
  deepEqual(complete("dure publish x --key ", folder.path), ["album.key"]);
  deepEqual(complete("dure dht --k"), ["--key"]);
});

test("bash offers a command's options, without those that this version lacks", () => {
  deepEqual(complete("dure get --no-"), [
    "--no-dht",
    "--no-lsd",
    "--no-pex",
    "--no-port-mapping",
    "--no-utp",
  ]);
  deepEqual(complete("dure get --pro"), ["--profile"]);
  deepEqual(complete("dure create x --p"), ["--pad", "--piece-size", "--private", "--profile"]);
});

test("bash offers the choices of an option, and torrents and folders where they go", () => {
  using folder = new TempFolder();
  folder.write("album.torrent", "");
  folder.write("notes.txt", "");
  folder.write("my music/a", "");
  deepEqual(complete("dure get --lang "), ["en", "ko"]);
  deepEqual(complete("dure get ", folder.path), ["album.torrent", "my music"]);
  deepEqual(complete("dure create ", folder.path), ["album.torrent", "my music", "notes.txt"]);
  deepEqual(complete("dure get x --dir ", folder.path), ["my music"]);
  deepEqual(complete("dure get x --port ", folder.path), []);
});

test("the scripts of zsh and fish name every command and each option that this version has", async () => {
  for (const language of ["en", "ko"] as const) {
    const zsh = completionScript("zsh", await loadMessages(language));
    const fish = completionScript("fish", await loadMessages(language));
    for (const command of commands) {
      ok(zsh.includes(`'${command.name}:`) && fish.includes(` -a ${command.name} `), command.name);
      for (const [name, spec] of Object.entries(command.options)) {
        if ("absent" in spec) continue;
        ok(zsh.includes(`--${name}[`) && fish.includes(` -l ${name} `), name);
      }
    }
    ok(zsh.includes(":(status lookup peers get put sample)'"));
    for (const verb of dhtCommand.verbs) ok(fish.includes(` -a ${verb.name} -d '`), verb.name);
    ok(!/--proxy/.test(zsh + fish));
  }
});

for (const shell of ["bash", "zsh", "fish"]) {
  const absent = !isInstalled(shell);
  test(`${shell} finds no mistake in its script`, {
    skip: absent && `${shell} is not installed`,
  }, async () => {
    using folder = new TempFolder(); // fish checks files alone, not what it is piped
    for (const language of ["en", "ko"] as const) {
      const script = completionScript(shell, await loadMessages(language));
      execFileSync(shell, ["-n", folder.write(language, script)]);
    }
  });
}

function isInstalled(program: string): boolean {
  try {
    execFileSync(program, ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

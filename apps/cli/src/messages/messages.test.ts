import { deepEqual, equal, ok } from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { en } from "./en.ts";
import { languageOf, Messages } from "./index.ts";
import { ko } from "./ko.ts";
import { chooseParticles } from "./particles.ts";

const keys = Object.keys(en) as (keyof typeof en)[];

test("both languages have the same keys, none empty", () => {
  deepEqual(Object.keys(ko).sort(), [...keys].sort());
  for (const key of keys) ok(en[key].trim() !== "" && ko[key].trim() !== "", key);
});

test("a sentence names in Korean nothing that the English one does not get", () => {
  // Korean may leave out `message`, which is English: `detail` says what it is about.
  for (const key of keys) {
    const given = new Set([...placeholders(en[key]), ...(key.startsWith("node.") ? ["detail"] : [])]);
    for (const name of placeholders(ko[key])) ok(given.has(name), `${key}: {${name}}`);
    for (const name of placeholders(en[key])) {
      const free = /^(node|warning)\./.test(key) && name === "message";
      ok(free || placeholders(ko[key]).includes(name), `${key}: {${name}} is not in Korean`);
    }
  }
});

test("every key is used by the program", () => {
  const source = join(import.meta.dirname, "..");
  const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter(
    (name) => name.endsWith(".ts") && !name.endsWith(".test.ts") && !name.startsWith("messages/"),
  );
  const text = files.map((name) => readFileSync(join(source, name), "utf8")).join("\n");
  const unused = keys.filter((key) => !text.includes(`"${key}"`));
  deepEqual(unused, []);
});

test("an error is one line, and ends without a full stop", () => {
  for (const [name, catalogue] of Object.entries({ en, ko })) {
    for (const key of keys.filter((each) => /^(usage|file|torrent|create|node|error|seed)\./.test(each))) {
      ok(!/\n|\.$/.test(catalogue[key]), `${name} ${key}`);
    }
  }
});

test("the language is the locale's, in the order of POSIX", () => {
  equal(languageOf({}), "en");
  equal(languageOf({ LANG: "ko_KR.UTF-8" }), "ko");
  equal(languageOf({ LANG: "ko" }), "ko");
  equal(languageOf({ LANG: "kok_IN" }), "en");
  equal(languageOf({ LC_ALL: "C", LANG: "ko_KR.UTF-8" }), "en");
  equal(languageOf({ LC_ALL: "", LC_MESSAGES: "ko_KR", LANG: "en_US" }), "ko");
});

test("names are filled in once: a name that looks like a placeholder stays as it is", () => {
  const messages = new Messages("en", en);
  equal(messages.text("file.missing", { path: "{path}" }), "{path} is not there; check the path");
});

test("Korean particles follow the sound before them", () => {
  equal(chooseParticles("앨범이(가) 없습니다"), "앨범이 없습니다");
  equal(chooseParticles("노래을(를) 없습니다"), "노래를 없습니다");
  equal(chooseParticles("3은(는)"), "3은");
  equal(chooseParticles("a.bin이(가)"), "a.bin이");
  equal(chooseParticles("film.torrent이(가)"), "film.torrent이(가)");
  equal(chooseParticles("moo이라는(라는) 명령"), "moo라는 명령");
});

function placeholders(text: string): string[] {
  return Array.from(text.matchAll(/\{([a-zA-Z]+)\}/g), (match) => match[1] ?? "");
}

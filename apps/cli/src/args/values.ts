import { parseRate, parseSize } from "@dure/base";
import { CliError, usageError } from "../errors.ts";
import type { ValueSpec } from "../table/index.ts";

/** One value of the option `--name`, or a usage error that says what it should be. */
export function parseValue(
  name: string,
  value: ValueSpec,
  text: string,
): string | number | readonly string[] {
  const bad = (wanted: Parameters<typeof usageError>[0], more: Record<string, string | number> = {}) =>
    usageError(wanted, { option: `--${name}`, value: text, ...more });
  switch (value.type) {
    case "text":
    case "file":
    case "folder":
      if (text === "") throw bad("usage.empty-value");
      return text;
    case "choice":
      if (value.absent?.includes(text)) {
        throw new CliError("not-in-this-version", "usage.absent-option", { option: `--${name} ${text}` });
      }
      if (!value.choices.includes(text)) throw bad("usage.bad-choice", { choices: value.choices.join(", ") });
      return text;
    case "size":
      return parseSize(text) ?? fail(bad("usage.bad-size"));
    case "rate":
      return parseRate(text) ?? fail(bad("usage.bad-rate"));
    case "integer":
      if (!/^\d{1,16}$/.test(text) || Number(text) < value.min || Number(text) > value.max) {
        throw bad("usage.bad-integer", { min: value.min, max: value.max });
      }
      return Number(text);
    case "ratio":
      if (!/^\d{1,6}(\.\d{1,6})?$/.test(text)) throw bad("usage.bad-ratio");
      return Number(text);
    case "address":
      if (!isAddress(text)) throw bad("usage.bad-address");
      return text;
    case "bootstrap":
      if (text !== "none" && !isAddress(text)) throw bad("usage.bad-bootstrap");
      return text;
    case "url":
      return parseUrl(text) ?? fail(bad("usage.bad-url"));
    case "urls":
      return text.split(",").map((url) => parseUrl(url) ?? fail(bad("usage.bad-url")));
  }
}

function isAddress(text: string): boolean {
  const match = /^(?:\[[0-9a-fA-F:.]+\]|[^\s:[\]/]+):(\d{1,5})$/.exec(text);
  return match !== null && Number(match[1]) >= 1 && Number(match[1]) <= 65_535;
}

// As it was typed: trackers know their URL by its bytes.
function parseUrl(text: string): string | undefined {
  return URL.canParse(text) && /^[a-z]+:\/\/./i.test(text) ? text : undefined;
}

function fail(error: CliError): never {
  throw error;
}

import type { MessageKey } from "../messages/index.ts";

/** What an option or operand takes: decides how it is parsed, shown in help and completed by the shell. */
export type ValueSpec =
  | { readonly type: "text"; readonly show: string }
  | { readonly type: "file"; readonly show: string; readonly suffix?: string }
  | { readonly type: "folder"; readonly show: string }
  | {
      readonly type: "choice";
      readonly choices: readonly string[];
      /** Choices of the contract that this version does not have. */
      readonly absent?: readonly string[];
    }
  | { readonly type: "size" }
  | { readonly type: "rate" }
  | { readonly type: "integer"; readonly show: string; readonly min: number; readonly max: number }
  | { readonly type: "ratio" }
  /** `HOST:PORT`, or `none`. */
  | { readonly type: "bootstrap" }
  /** `HOST:PORT`, the host a name or a literal (IPv6 in brackets). */
  | { readonly type: "address" }
  | { readonly type: "url" }
  /** URLs with commas between. */
  | { readonly type: "urls" };

export interface OptionSpec {
  readonly help: MessageKey;
  readonly group: OptionGroup;
  readonly short?: string;
  /** Absent: a switch. */
  readonly value?: ValueSpec;
  readonly repeated?: true;
  /** In the contract, not in this version: asking for it is refused, never ignored. */
  readonly absent?: true;
}

export type OptionGroup = "command" | "network" | "output" | "global";

export type OptionTable = Readonly<Record<string, OptionSpec>>;

export interface OperandSpec {
  /** As it stands in the usage line: `SOURCE`. */
  readonly name: string;
  readonly help: MessageKey;
  /** `none`: what only the person knows. */
  readonly complete: "torrent" | "path" | "command" | "none" | readonly string[];
  readonly optional?: true;
}

/** The word after a command that does several things: `dht get`. */
export interface VerbSpec {
  readonly name: string;
  readonly summary: MessageKey;
  readonly operands: readonly OperandSpec[];
  /** Options of the group `command` that go with it; the other groups' always do. */
  readonly takes: readonly string[];
}

export interface CommandSpec {
  readonly name: string;
  readonly summary: MessageKey;
  readonly operands: readonly OperandSpec[];
  /** With verbs a command has no operands of its own; the verb is the first that its body gets. */
  readonly verbs?: readonly VerbSpec[];
  readonly options: OptionTable;
  /** Command lines, shown as they are. */
  readonly examples: readonly string[];
}

/** What parsing gives for one option, so that a command reads its options with their types. */
export type OptionValue<Option> = Option extends { readonly value: infer Value }
  ? Option extends { readonly repeated: true }
    ? readonly Scalar<Value>[]
    : Scalar<Value> | undefined
  : boolean;

export type OptionValues<Table> = { readonly [Name in keyof Table]: OptionValue<Table[Name]> };

type Scalar<Value> = Value extends { readonly type: "size" | "rate" | "integer" | "ratio" }
  ? number
  : Value extends { readonly type: "choice"; readonly choices: readonly (infer Choice)[] }
    ? Choice
    : Value extends { readonly type: "urls" }
      ? readonly string[]
      : string;

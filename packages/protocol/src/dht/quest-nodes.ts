import type { Ms } from "@dure/base";
import type { DhtItem, DhtKey, KrpcResponse, QueryBody } from "../krpc/index.ts";
import type { Candidate } from "./candidate.ts";
import type { DhtRequestId } from "./messages.ts";
import type { Quest, QuestHost } from "./quest.ts";

/** The live nodes closest to a key: the report has them. */
export class FindQuest implements Quest {
  readonly target: DhtKey;
  readonly question: QueryBody;
  readonly fromEverywhere = false;

  constructor(target: DhtKey) {
    this.target = target;
    this.question = { type: "find-node", target, want: undefined };
  }

  heard(): "go-on" {
    return "go-on";
  }

  verified(_now: Ms, _item: DhtItem): void {}

  gift(): undefined {}

  finish(): void {}
}

/** What the nodes near a key store (BEP 51). */
export class SampleQuest implements Quest {
  readonly target: DhtKey;
  readonly question: QueryBody;
  readonly fromEverywhere = false;
  readonly #request: DhtRequestId;
  readonly #host: QuestHost;

  constructor(options: {
    readonly request: DhtRequestId;
    readonly host: QuestHost;
    readonly target: DhtKey;
  }) {
    this.#request = options.request;
    this.#host = options.host;
    this.target = options.target;
    this.question = { type: "sample-infohashes", target: options.target, want: undefined };
  }

  heard(now: Ms, candidate: Candidate, response: KrpcResponse): "go-on" {
    const { samples, storedCount, interval } = response.body;
    if (samples === undefined) return "go-on"; // it answers unknown methods like find_node
    const from = { id: candidate.node.id, address: candidate.node.address };
    const infoHashes = samples.map((sample) => new Uint8Array(sample));
    this.#host.tell(
      now,
      {
        type: "samples",
        request: this.#request,
        from,
        infoHashes,
        storedCount: storedCount ?? infoHashes.length,
        interval: interval ?? 0,
      },
      true,
    );
    return "go-on";
  }

  verified(_now: Ms, _item: DhtItem): void {}

  gift(): undefined {}

  finish(): void {}
}

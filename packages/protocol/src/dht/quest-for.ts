import type { DhtCommand } from "./messages.ts";
import type { Quest, QuestHost } from "./quest.ts";
import { GetQuest, PutQuest } from "./quest-item.ts";
import { FindQuest, SampleQuest } from "./quest-nodes.ts";
import { PeersQuest } from "./quest-peers.ts";
import { ScrapeQuest } from "./quest-scrape.ts";

/** What a command looks for. */
export function questFor(command: Exclude<DhtCommand, { readonly type: "cancel" }>, host: QuestHost): Quest {
  const { request } = command;
  switch (command.type) {
    case "get-peers": {
      const { infoHash, announce, noSeed = false } = command;
      return new PeersQuest({ request, host, infoHash, announce, noSeed });
    }
    case "scrape":
      return new ScrapeQuest({ request, host, infoHash: command.infoHash });
    case "get": {
      const { target, salt = new Uint8Array(0), sequence } = command;
      return new GetQuest({ request, host, target, salt, sequence });
    }
    case "put":
      return new PutQuest({ request, host, item: command.item, cas: command.cas });
    case "sample":
      return new SampleQuest({ request, host, target: command.target });
    case "find-node":
      return new FindQuest(command.target);
  }
}

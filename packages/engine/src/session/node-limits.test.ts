import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import { Limits, nodeLimitsDefault } from "./index.ts";

test("torrents share the node's upload slots, and none can keep them all once another has takers", () => {
  const node = new Limits({ ...nodeLimitsDefault, uploadSlots: 8 });
  const [first, second, third] = [{}, {}, {}];
  equal(node.slotsFor(first, 20), 8, "alone it has all");
  node.takeSlots(first, 8);
  equal(node.slotsFor(second, 20), 0, "until the other's next round there is nothing to take");
  equal(node.slotsFor(first, 20), 4, "which gives half of them back");
  node.takeSlots(first, 4);
  equal(node.slotsFor(second, 20), 4);
  node.takeSlots(second, 4);
  deepEqual([node.slotsFor(first, 0), node.slotsFor(second, 20), node.slotsFor(third, 0)], [4, 8, 4]);
});

test("without a limit of slots every torrent decides for itself", () => {
  equal(new Limits(nodeLimitsDefault).slotsFor({}, 5), undefined);
});

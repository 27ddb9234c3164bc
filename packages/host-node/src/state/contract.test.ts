import { join } from "node:path";
import { stateContract } from "@dure/carrier/contract";
import { temporary } from "../testing/temporary.ts";
import { StateChild } from "./testing/child.ts";

stateContract("node", async () => {
  const { folder, remove } = temporary();
  return {
    start: async () => new StateChild(join(folder, "profile", "dure.db")),
    remove: async () => remove(),
  };
});

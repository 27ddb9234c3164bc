export { Filters } from "./filters.ts";
export type { ListKind } from "./read-list.ts";

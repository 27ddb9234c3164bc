export { type DenyList, type DenyListError, parseDenyList } from "./deny-list.ts";
export { type IpFilter, type IpFilterError, parseIpFilter } from "./ip-filter.ts";
export { filterLimits } from "./limits.ts";

export { SimProfile } from "./sim-profile.ts";
export { SimState, type SimStateOptions } from "./sim-state.ts";

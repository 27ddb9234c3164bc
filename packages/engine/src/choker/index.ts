export { AutomaticSlots, type SlotsOptions, type SlotsRound, slotsDefault } from "./automatic-slots.ts";
export { Choker, type ChokerPeer, type ChokerPlan, chokerLimits } from "./choker.ts";

export { type Clock, EventQueue, type Timer } from "./event-queue.ts";

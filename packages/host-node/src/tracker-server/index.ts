export { TrackerServer, type TrackerServerOptions } from "./tracker-server.ts";

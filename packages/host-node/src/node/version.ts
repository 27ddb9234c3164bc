/** How this program calls itself to peers and trackers. */
export const clientVersion = "0.1.0";

import type { Messages } from "../messages/index.ts";

/** `0:07`, `12:34`, `1:02:03`, and from a day on `3d 4h` in the person's language. */
export function formatDuration(milliseconds: number, messages: Messages): string {
  const all = Math.max(0, Math.round(milliseconds / 1000));
  const seconds = String(all % 60).padStart(2, "0");
  const minutes = Math.floor(all / 60) % 60;
  const hours = Math.floor(all / 3600) % 24;
  const days = Math.floor(all / 86_400);
  if (days > 999) return messages.text("duration.ages");
  if (days > 0) return messages.text("duration.days", { days, hours });
  if (hours > 0) return `${hours}:${String(minutes).padStart(2, "0")}:${seconds}`;
  return `${minutes}:${seconds}`;
}

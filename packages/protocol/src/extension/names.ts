/** The names under which the messages of this folder stand in `m` (BEP 10). */
export const extensionName = {
  metadata: "ut_metadata", // BEP 9
  dontHave: "lt_donthave", // BEP 54
  uploadOnly: "upload_only", // BEP 21 during a connection
} as const;

/** What one ut_pex message may bring or say (DESIGN.md section 6). */
export const pexLimits = {
  /** Contacts of both families together, added and dropped each. BEP 11 exempts the first message; we do not. */
  contactsMax: 50,
  /** The largest honest message, a first one with hundreds of contacts, has a few thousand. */
  messageBytesMax: 32_768,
} as const;

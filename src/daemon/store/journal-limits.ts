/** Bounds of the journal (journal.ts). */
export const journalLimits = {
  /** Of a file that is made; written once, when it is. */
  journalBytes: 8 * 1024 * 1024,
  foldBytes: 1024 * 1024,
  foldMs: 250,
} as const

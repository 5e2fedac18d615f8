/**
 * Bounds that decide replies. They are the same on every replica for ever, never configuration: two replicas that differ
 * in one of them would come to hold different data. A node may refuse more at its own edge (`limits.ts`).
 */

export const keyBytesMax = 1024
/** A range may end just above the longest key: that key and a NUL. */
export const rangeBoundBytesMax = keyBytesMax + 1
/** Comparisons, and operations in each branch, of one transaction. */
export const txnListMax = 1024

/** Of items in one answer, a transaction's results together. Past it, `more` is set. */
export const answerBytesMax = 4 * 1024 * 1024
/** What an item costs in an answer beside its key and value. */
export const itemOverheadBytes = 32

/** Keys that one command may delete: more would hold up the node longer than an election timeout. */
export const deletedKeysMax = 50_000
/** Bytes of keys and values that one command may delete: they move into the history, in memory first. */
export const deletedBytesMax = 64 * 1024 * 1024

export const sessionsMax = 100_000
export const sessionTtlMsMin = 100
export const sessionTtlMsMax = 24 * 60 * 60 * 1000
/** A client may have so many requests without acknowledging their replies. */
export const sessionWindow = 4096
/** Of stored replies per session. One reply may go beyond it. */
export const sessionReplyBytesMax = 64 * 1024 * 1024

/** What one slot may clean up beside its own work, so that no slot stalls the node. */
export const historyStepRecords = 256
export const historyStepBytes = 4 * 1024 * 1024
export const garbageStepRecords = 256
export const expiryStepSessions = 1024

/** Bytes of records that the audit trail keeps, with their keys: of what operators did, and of writes. The oldest go. */
export const auditAdminBytesMax = 4 * 1024 * 1024
export const auditWritesBytesMax = 32 * 1024 * 1024
/** Keys and ranges that one record names, and their bytes together; the first goes in whatever its length. */
export const auditRangesMax = 16
export const auditRangeBytesMax = 2048
/** Records that one question looks at: more would hold up the node. */
export const auditScanRecords = 4096
/** Records or changes in one answer. */
export const auditAnswerMax = 1000

/** How often a value of the hash chain is kept, and how many of them: enough for a million slots. */
export const chainCheckpointSlots = 256
export const chainCheckpointsKept = 4096

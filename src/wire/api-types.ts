/** What the JSON answers of the client port hold, for the server that writes them and the clients that read them. */

export interface StatusJson {
  readonly clusterId: string
  readonly node: {
    readonly name: string
    readonly id: string
    readonly pid: number
    /** Rises with each start. */
    readonly incarnation: number
    readonly version: string
    readonly clientAddress: string
    readonly peerAddress: string
    /** The levels that this version understands. */
    readonly featureLevels: FeatureLevelsJson
  }
  readonly groups: readonly GroupStatusJson[]
  readonly members: readonly MemberStatusJson[]
}

export interface FeatureLevelsJson {
  readonly min: number
  readonly max: number
}

export interface GroupStatusJson {
  readonly group: string
  readonly epoch: number
  /** What all members of the epoch understand. */
  readonly featureLevel: number
  readonly protocol: string
  readonly role: 'leader' | 'candidate' | 'follower' | 'learner'
  /** Name of the leader that this node follows. */
  readonly leader: string | null
  /** `round.node` */
  readonly ballot: string
  /** `round.node` */
  readonly promised: string
  /** Exclusive watermarks, as are the next three. */
  readonly chosen: number
  readonly applied: number
  readonly durable: number
  readonly truncated: number
  readonly revision: number
  readonly compactedRevision: number
  /** True when the leader's phase 1 is complete and it serves. */
  readonly steady: boolean
  /** Why the node does not serve; null when it does. */
  readonly notReady: string | null
  readonly sessions: number
  /** The members' data were found the same up to this slot; null before the first comparison. */
  readonly verifiedUpTo: number | null
  /** Names of the members whose data differ from those of others. */
  readonly diverged: readonly string[]
  readonly q1: number
  readonly q2: number
  readonly leaseMs: number
  readonly openSlots: number
  readonly logBytes: number
  readonly elections: number
  readonly queuedRequests: number
  readonly queuedReads: number
}

export interface MemberStatusJson {
  readonly name: string
  readonly id: string
  readonly kind: 'acceptor' | 'learner'
  readonly peerAddress: string
  readonly clientAddress: string | null
  readonly reachable: boolean
  /** Slots that this node knows chosen and the member has not reported; null when the member never reported. */
  readonly lagSlots: number | null
}

/** A command of the log for people: text where it is valid UTF-8, base64 in the field of the same name plus `64` where not. */
export type CommandJson = { readonly kind: string } & Readonly<Record<string, unknown>>

/** One line of `GET /v1/log`: one slot, or a range of truncated ones that ends before `upTo`. */
export interface LogLineJson {
  readonly slot: number
  readonly upTo?: number
  /** Null where the line stands for truncated slots: they may be of several epochs. */
  readonly epoch: number | null
  readonly state: 'chosen' | 'voted' | 'missing' | 'unknown' | 'truncated'
  readonly ballot: string | null
  readonly kind: 'batch' | 'noop' | 'barrier' | 'stopSign' | null
  /** Size of the entry's payload. */
  readonly bytes?: number
  /** The leader's wall clock when it built the batch, in milliseconds since 1970. */
  readonly timeMs?: number
  readonly commands?: readonly CommandJson[]
  /** What each acceptor says of the slot, where it was asked. */
  readonly votes?: readonly GapVoteJson[]
  /** Of a stop sign: what begins after it; null when this version cannot read it. */
  readonly next?: NextEpochJson | null
}

export interface NextEpochJson {
  readonly epoch: number
  readonly q1: number
  readonly q2: number
  readonly featureLevel: number
  readonly members: readonly { readonly name: string; readonly kind: 'acceptor' | 'learner' }[]
}

export type GapClass = 'truncated' | 'unlearned' | 'inFlight' | 'undecided' | 'hole' | 'unknown'

export interface GapVoteJson {
  readonly member: string
  readonly state: 'chosen' | 'voted' | 'none' | 'unknown' | 'truncated' | 'noAnswer'
  readonly ballot: string | null
}

/** `GET /v1/log/votes`: what each acceptor of the newest epoch holds of each slot. */
export interface SlotVotesJson {
  readonly group: string
  readonly epoch: number
  readonly answered: readonly string[]
  readonly silent: readonly string[]
  readonly slots: readonly { readonly slot: number; readonly votes: readonly GapVoteJson[] }[]
}

/** Slots from `from` up to, not including, `to`. */
export interface GapRowJson {
  readonly from: number
  readonly to: number
  readonly class: GapClass
  readonly votes: readonly GapVoteJson[]
  readonly advice: string
}

export interface GapsJson {
  readonly group: string
  readonly epoch: number
  readonly from: number
  readonly to: number
  /** True when slots above `to` were not looked at. */
  readonly more: boolean
  readonly answered: readonly string[]
  readonly silent: readonly string[]
  /** False when fewer than a phase-1 quorum answered: votes that nobody told of may lie in the range, or above what is shown. */
  readonly known: boolean
  readonly highestVoted: number | null
  readonly chosenUpTo: number
  readonly rows: readonly GapRowJson[]
}

export interface MemberVerdictJson {
  readonly member: string
  /**
   * diverged: from a majority. differs: and no value has a majority. incomparable: its chain began at another slot, or it
   * knows no slot that was compared.
   */
  readonly state: 'same' | 'diverged' | 'differs' | 'incomparable' | 'silent'
  readonly applied: number | null
  readonly revision: number | null
  /** First slot of its hash chain. */
  readonly since: number | null
  /** The highest slot at which it was compared, and its chain there in hexadecimal. */
  readonly slot: number | null
  readonly chain: string | null
  /** The first slot that was applied differently is `firstSlot` or a later one before `beforeSlot`. */
  readonly firstSlot: number | null
  readonly beforeSlot: number | null
}

/** `GET /v1/log/verify` */
export interface VerifyJson {
  readonly group: string
  readonly epoch: number
  /** unknown: too few members answered, or too few know what was compared. */
  readonly verdict: 'same' | 'diverged' | 'unknown'
  /** A majority of the members has the same chain here. */
  readonly checkedUpTo: number | null
  readonly members: readonly MemberVerdictJson[]
}

/** `GET /v1/log/verify/content`: one page of keys. Keys are text, or base64 in the field of the same name plus `64`. */
export interface VerifyContentJson {
  readonly group: string
  readonly revision: number
  /** Compared in this page. */
  readonly keys: number
  readonly verdict: 'same' | 'diverged' | 'unknown'
  readonly members: readonly {
    readonly member: string
    readonly state: 'same' | 'diverged' | 'differs' | 'compacted' | 'behind' | 'silent'
  }[]
  readonly more: boolean
  /** Where the next page begins. */
  readonly next?: string
  readonly next64?: string
  /** The first key that differs is this one, or one before `beforeKey` that the node asked does not have. */
  readonly firstKey?: string
  readonly firstKey64?: string
  readonly beforeKey?: string
  readonly beforeKey64?: string
}

export interface ReadyJson {
  readonly ready: boolean
  readonly reason: string | null
}

/** What a node knows of its own health, for `paxos doctor`. */
export interface DiagnosisJson {
  readonly clusterId: string
  readonly node: {
    readonly name: string
    readonly pid: number
    readonly version: string
    /** Version of Node. */
    readonly runtime: string
    readonly uptimeMs: number
  }
  /** The node's clock, in milliseconds since 1970. */
  readonly wallMs: number
  /** Flushes of votes within the last minute; null when there was none. */
  readonly flush: { readonly count: number; readonly p99Ms: number | null; readonly maxMs: number | null }
  /** Of the last minute: the longest stall of the event loop, and the seconds with one of 100 ms or more. */
  readonly loop: { readonly maxMs: number; readonly stalledSeconds: number }
  readonly disk: DiskJson & {
    /** How fast free space has gone down since a while, all programs together; null when it was not seen for long. */
    readonly lossBytesPerSecond: number | null
  }
  readonly state: {
    /** Without what is free inside the file. */
    readonly usedBytes: number
    /** Negative when it shrinks; null when it was not seen for long. */
    readonly growthBytesPerSecond: number | null
  }
  /** That the node makes by itself; null when it makes none. */
  readonly backups: {
    readonly directory: string
    readonly everyMs: number
    /** Of the newest that is there; null when there is none. */
    readonly ageMs: number | null
    /** Since the node started. */
    readonly failures: number
    /** Why none could be made since the newest; null when nothing is wrong. */
    readonly lastFailure: string | null
  } | null
  readonly directory: {
    readonly path: string
    /** User of the process; -1 where there are none. */
    readonly uid: number
    readonly files: readonly FileJson[]
  }
  /** Settings that are numbers, by their full names: `limits.valueBytesMax`. */
  readonly settings: Readonly<Record<string, number>>
  readonly links: readonly LinkJson[]
}

export interface DiskJson {
  readonly freeBytes: number
  readonly totalBytes: number
  /** Sizes of the node's own files. */
  readonly acceptorBytes: number
  readonly stateBytes: number
}

/** An LMDB file. It never shrinks by itself: what is free in it is used again. */
export interface StoreUsageJson {
  /** As large as it has ever been, but for a flush that is under way. */
  readonly bytes: number
  readonly usedBytes: number
  readonly freeBytes: number
  readonly records: number
}

/** `GET /v1/space`: what a node takes of its disk, and how long that goes well. */
export interface SpaceJson {
  readonly clusterId: string
  readonly node: string
  readonly revision: number
  readonly acceptor: StoreUsageJson
  readonly state: StoreUsageJson
  /** Slots that are kept, and the payload of those that are in memory. */
  readonly log: { readonly slots: number; readonly bytes: number }
  readonly disk: {
    readonly freeBytes: number
    readonly totalBytes: number
    /** Below it the node refuses what would grow the data. */
    readonly freeMinBytes: number
  }
  /** Growth of what is used in the state database; null when it was not seen for long enough. */
  readonly growthBytesPerHour: number | null
  /** How fast free disk space goes down, all programs together. */
  readonly diskLossBytesPerHour: number | null
  /** When writes will be refused at these rates, and by what; null when not within a hundred years. */
  readonly full: { readonly inMs: number; readonly by: 'disk' | 'quota' } | null
  /** Of what is used in the state database; null when there is none. */
  readonly quota: { readonly maxBytes: number; readonly usedBytes: number } | null
  /** Why writes are refused for want of room; null when they are not. */
  readonly refusing: 'disk' | 'quota' | null
}

/** `GET /v1/space/reclaim`: the last packed copy of the state database, or the one that is being made. */
export interface ReclaimJson {
  readonly node: string
  readonly state: 'idle' | 'running' | 'done' | 'failed'
  /** Size of the file. */
  readonly beforeBytes: number | null
  readonly afterBytes: number | null
  readonly copiedBytes: number
  /** About how much there is to copy. */
  readonly totalBytes: number
  readonly tookMs: number | null
  readonly error: { readonly code: string; readonly message: string } | null
}

export interface TallyJson {
  readonly count: number
  /** Keys and values together. */
  readonly bytes: number
}

/** `GET /v1/space/keys`: a page of records, counted. */
export interface SpaceKeysJson {
  readonly group: string
  readonly revision: number
  /** Counted in this page. */
  readonly records: number
  readonly items: TallyJson
  readonly history: TallyJson
  readonly sessions: TallyJson
  readonly audit: TallyJson
  readonly other: TallyJson
  readonly prefixes: readonly SpacePrefixJson[]
  /** What `after` of the next page must be; null at the end. */
  readonly next: string | null
}

/** A prefix is text, or base64 in `prefix64`. */
export interface SpacePrefixJson {
  readonly prefix?: string
  readonly prefix64?: string
  readonly items: TallyJson
  readonly history: TallyJson
}

export interface FileJson {
  /** Within the directory; `.` is the directory itself. */
  readonly name: string
  readonly kind: 'directory' | 'file' | 'socket' | 'other'
  /** Four octal digits. */
  readonly mode: string
  readonly uid: number
}

/** From the node that was asked to another member. */
export interface LinkJson {
  readonly member: string
  /** Messages of this node reach it. */
  readonly connected: boolean
  /** Its messages reach this node. */
  readonly inbound: boolean
  readonly version: string | null
  /** The levels that it understands; null when it was never met. */
  readonly featureLevels: FeatureLevelsJson | null
  /** Why it was not reached the last time; null while connected. */
  readonly lastError: string | null
  /** That the last attempt to connect ended in: one of them will have nothing to do with the other. */
  readonly refusal: LinkRefusalJson | null
}

export interface LinkRefusalJson {
  /** The node that was asked refuses the member, or the member refuses the node. */
  readonly by: 'node' | 'member'
  readonly code: string
  readonly message: string
}

/** Every setting of a node by its full name, as it is in force; null is not set, secrets are hidden. */
export interface ConfigJson {
  readonly settings: Readonly<Record<string, unknown>>
}

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]

export interface EpochMemberJson {
  readonly name: string
  readonly id: string
  readonly kind: 'acceptor' | 'learner'
  readonly peerAddress: string
}

export interface EpochJson {
  readonly epoch: number
  readonly protocol: string
  readonly q1: number
  readonly q2: number
  readonly leaseMs: number
  /** What all its members understand. */
  readonly featureLevel: number
  readonly members: readonly EpochMemberJson[]
  /** The highest id that a member of this cluster ever had. */
  readonly highestId: string
  /** The first slot of its log; null while it has not begun. */
  readonly startSlot: number | null
}

export interface EpochsJson {
  readonly clusterId: string
  readonly group: string
  /** Rising; the last is the newest that this node knows. */
  readonly epochs: readonly EpochJson[]
}

/** What a configuration survives: so many acceptors may fail for electing and for committing. */
export interface MarginsJson {
  readonly acceptors: number
  readonly reachable: number
  readonly q1: number
  readonly q2: number
  readonly toElect: number
  readonly toCommit: number
}

export interface EpochChangeJson {
  /** False for a dry run. */
  readonly done: boolean
  readonly before: MarginsJson
  readonly after: MarginsJson
  /** Why it would be refused. */
  readonly problems: readonly string[]
  readonly warnings: readonly string[]
  readonly next: EpochJson
}

export interface WantedEpochJson {
  readonly after?: number
  readonly members?: readonly {
    readonly name: string
    readonly peerAddress?: string
    readonly kind: 'acceptor' | 'learner'
  }[]
  readonly q1?: number
  readonly q2?: number
  readonly featureLevel?: number
  readonly dryRun?: boolean
}

export interface LogFillSlotJson {
  readonly slot: number
  readonly state: 'chosen' | 'truncated'
  /** What the slot got: a real command, or a no-op. Null when it is truncated again already. */
  readonly kind: 'batch' | 'noop' | 'barrier' | 'stopSign' | null
  /** Of the vote here; null when the entry was fetched. */
  readonly ballot: string | null
}

export interface LogFillJson {
  /** The gaps that there were, slot by slot; empty for a dry run. */
  readonly filled: readonly LogFillSlotJson[]
  /** As they were found. */
  readonly gaps: readonly GapRowJson[]
  /** Not everything was looked at: ask again. */
  readonly more: boolean
}

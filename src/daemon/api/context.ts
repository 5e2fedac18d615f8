import type { RequestLimits } from '../../machine/limits.ts'
import type { FeatureLevels } from '../../protocol/feature-level.ts'
import type { Incarnation, NodeId } from '../../protocol/ids.ts'
import type { Survivor } from '../../protocol/recovery/survivor.ts'
import type { ReplicaService } from '../../runtime/replica-service.ts'
import type { ConfigJson, DiagnosisJson, LogLevel, ReclaimJson, SpaceJson } from '../../wire/api-types.ts'
import type { KeptLog } from '../backup/chosen-log.ts'
import type { SizeSource } from '../space/walk-space.ts'

/** What the API needs of a logger; pino fits. */
export interface ApiLogger {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  debug(fields: object, message: string): void
}

/** Bounds of the client port. What happens beyond each is in docs/LIMITS.md. */
export interface ApiLimits {
  /** Open connections, on the port and on the socket each. Excess is closed at once. */
  readonly connectionsMax: number
  /** Requests of one stream that are not answered yet. Excess is delayed: the server stops reading. */
  readonly streamRequestsMax: number
  /** Requests in one frame of a stream. Excess ends the stream. */
  readonly streamFrameRequestsMax: number
  /** Answers that a stream's client has not read yet. Excess ends the stream. */
  readonly streamUnreadBytesMax: number
  /** Bodies and frames that are being read or served, all connections together. Excess is refused. */
  readonly inFlightBytesMax: number
  /** How long a request over HTTP may take. */
  readonly requestTimeoutMs: number
  /** How long the members may take to answer `GET /v1/log/gaps`. */
  readonly inspectTimeoutMs: number
  /** Slots that one `GET /v1/log/gaps` looks at. */
  readonly gapSlotsMax: number
  /** `GET /v1/log?follow=true` at the same time. Excess is refused. */
  readonly followersMax: number
  /** `GET /v1/backup` at the same time: each holds disk space that the state database could use again. Excess is refused. */
  readonly backupsMax: number
  /** Records that one `GET /v1/space/keys` counts. */
  readonly spacePageRecords: number
  /** `GET /v1/space/keys` at the same time. Excess is refused. */
  readonly spaceWalksMax: number
  /** Entries that are read, compressed and sent at a time. */
  readonly backupChunkBytes: number
  /** A frame must arrive whole within this time. */
  readonly frameTimeoutMs: number
}

export const defaultApiLimits: ApiLimits = {
  connectionsMax: 10_000,
  streamRequestsMax: 4096,
  streamFrameRequestsMax: 1024,
  streamUnreadBytesMax: 64 * 1024 * 1024,
  inFlightBytesMax: 256 * 1024 * 1024,
  requestTimeoutMs: 10_000,
  inspectTimeoutMs: 1000,
  gapSlotsMax: 10_000,
  followersMax: 64,
  backupsMax: 2,
  spacePageRecords: 20_000,
  spaceWalksMax: 2,
  backupChunkBytes: 256 * 1024,
  frameTimeoutMs: 10_000,
}

/** What the API serves, given by the node. */
export interface ApiContext {
  readonly clusterId: string
  readonly node: {
    readonly name: string
    readonly id: NodeId
    /** Rises with each start. */
    readonly incarnation: Incarnation
    readonly version: string
    /** `host:port`, as told to others. */
    readonly clientAddress: string
    readonly peerAddress: string
  }
  readonly replica: ReplicaService
  /** What of the log is on the disk and no longer in memory. */
  readonly keptLog: KeptLog
  readonly requestLimits: RequestLimits
  readonly limits: ApiLimits
  readonly logger: ApiLogger
  /** Writes that this node takes go into the audit trail. */
  readonly auditWrites: boolean
  metricsText(): Promise<string>
  diagnosis(): Promise<DiagnosisJson>
  /** What a recovery of a lost quorum is planned from. */
  survivor(): Survivor
  space(): Promise<SpaceJson>
  readonly reclaim: { readonly status: ReclaimJson; start(): Promise<void> }
  /** Sizes of the machine's records as they are stored now. */
  readonly stateSizes: SizeSource
  config(): ConfigJson
  /** The newest lines that the node has logged, JSON each. */
  logLines(): string
  /** `host:port` of a member's client port, when known. */
  memberClientAddress(id: NodeId): string | undefined
  /** The levels that a member understands, of the connection that there is now. */
  memberFeatureLevels(id: NodeId): FeatureLevels | undefined
  /** What another member says who refuses this node: it was removed, or forgot what it promised. */
  whyShunned(): string | undefined
  getLogLevel(): string
  setLogLevel(level: LogLevel): void
}

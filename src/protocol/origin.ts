/**
 * Who asked for something, as far as anybody can know: there is no authentication, so `actor` is what a client said of
 * itself. `node` and `address` are what the node that took the request saw. Binary strings of UTF-8, one unit per byte.
 */
export interface Origin {
  /** Empty when the client did not say. */
  readonly actor: string
  /** Name of the node that took the request. */
  readonly node: string
  /** Where the client connected from; empty for the node's own unix socket. */
  readonly address: string
}

/** What goes into the audit trail with a stop sign, since no batch brings it. */
export interface Attribution {
  readonly origin: Origin
  /** Wall clock of the leader. */
  readonly timeMs: number
  /** What is changed, in words. */
  readonly detail: string
}

/** Bytes of each. They decide what every replica records, so they are the same for ever. */
export const originBounds = { actor: 128, node: 63, address: 64 } as const
export const detailBytesMax = 1024

/** The last moment that a Date can name. What is later is no time, in batches as in attributions: sums stay safe integers. */
const timeMsMax = 8.64e15

export function isAttribution({ origin, timeMs, detail }: Attribution): boolean {
  return isOrigin(origin) && isTime(timeMs) && isText(detail, detailBytesMax)
}

export function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= timeMsMax
}

export function isOrigin({ actor, node, address }: Origin): boolean {
  return isText(actor, originBounds.actor) && isText(node, originBounds.node) && isText(address, originBounds.address)
}

/** A binary string of at most so many bytes. */
export function isText(value: unknown, bytesMax: number): value is string {
  if (typeof value !== 'string' || value.length > bytesMax) return false
  for (let i = 0; i < value.length; i++) if (value.charCodeAt(i) > 0xff) return false
  return true
}

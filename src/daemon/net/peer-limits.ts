/** Bounds of the links between members. What exceeds one is dropped, delayed or refused as said here. */
export interface PeerLimits {
  /** Largest payload of a frame, both ways. A larger message is dropped by its sender; from a peer it ends the connection. */
  readonly frameBytesMax: number
  /** Queued for one peer, with what its socket holds. Excess messages are dropped and counted. */
  readonly queueBytesMax: number
  /** Sockets on the peer port, greeted or not. Excess connections are closed at once. */
  readonly connectionsMax: number
  /** Until TCP is connected. */
  readonly connectTimeoutMs: number
  /** Until the upgrade is answered, and again until the hello or welcome has come. */
  readonly helloTimeoutMs: number
  /** A frame that has begun must end within this. */
  readonly frameTimeoutMs: number
  /** A dialled link without a pong or a drained write for this long is dead. */
  readonly silenceTimeoutMs: number
  /** An accepted link without a byte for this long is dead. Above `pingIntervalMs` several times. */
  readonly idleTimeoutMs: number
  readonly pingIntervalMs: number
  /** Pause before dialling again: doubles from `Min` to `Max`, and half of it is drawn at random. */
  readonly redialMinMs: number
  readonly redialMaxMs: number
  /** Decoding that one connection may cost in each second. Above it, its socket is not read until the second ends. */
  readonly decodeMsPerSecondMax: number
  /** How often deadlines are looked at. */
  readonly tickMs: number
}

export const defaultPeerLimits: PeerLimits = {
  frameBytesMax: 4 * 1024 * 1024 + 64 * 1024,
  queueBytesMax: 16 * 1024 * 1024,
  connectionsMax: 64,
  connectTimeoutMs: 3000,
  helloTimeoutMs: 5000,
  frameTimeoutMs: 10_000,
  silenceTimeoutMs: 10_000,
  idleTimeoutMs: 15_000,
  pingIntervalMs: 2000,
  redialMinMs: 100,
  redialMaxMs: 2000,
  decodeMsPerSecondMax: 500,
  tickMs: 500,
}

/** Where members meet on the peer port. Constants: what an attacker names must never get here. */
export const peerPath = '/v1/peer'
export const peerToken = 'paxos-peer/1'

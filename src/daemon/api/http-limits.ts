/** Bounds of HTTP on the client port, whoever reads a connection. */
export const httpLimits = {
  headerBytesMax: 8192,
  headersMax: 64,
  headersTimeoutMs: 5000,
  requestTimeoutMs: 30_000,
  connectionRequestsMax: 10_000,
  restTimeoutMs: 5000,
  plainRequestBytesMax: 16 * 1024,
  plainRequestsMax: 64,
} as const

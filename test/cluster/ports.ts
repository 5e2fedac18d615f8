import { createServer } from 'node:net'

/** Below the ports that the kernel hands out for outgoing connections: one of those could take a stopped node's port. */
const first = 20_000
const count = 12_000

/** Ports on 127.0.0.1 that nobody listens on. Nodes must know each other's before they start, so 0 will not do. */
export async function freePorts(wanted: number): Promise<readonly number[]> {
  const ports = new Set<number>()
  while (ports.size < wanted) {
    const port = first + Math.floor(Math.random() * count)
    if (!ports.has(port) && (await isFree(port))) ports.add(port)
  }
  return [...ports]
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => server.close(() => resolve(true)))
  })
}

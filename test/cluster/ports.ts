import { createServer } from 'node:net'

/** Below the ports that the kernel hands out for outgoing connections: one of those could take a stopped node's port. */
const first = 20_000
/** Each process draws from ports of its own: two that look for free ones at the same time would find the same. */
const share = 200
const shares = 60
const ownFirst = first + (process.pid % shares) * share
/** `paxos dev` has peer ports so far above client ports. */
const peerOffset = 100

/** Ports on 127.0.0.1 that nobody listens on. Nodes must know each other's before they start, so 0 will not do. */
export async function freePorts(wanted: number): Promise<readonly number[]> {
  const ports = new Set<number>()
  while (ports.size < wanted) {
    const port = ownFirst + Math.floor(Math.random() * share)
    if (!ports.has(port) && (await isFree(port))) ports.add(port)
  }
  return [...ports]
}

/** The first of a row of client ports that are free together with their peer ports, as `paxos dev` takes them. */
export async function freeBasePort(nodes: number): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const base = ownFirst + Math.floor(Math.random() * (peerOffset - nodes))
    const wanted = Array.from({ length: nodes }, (_, at) => [base + at, base + peerOffset + at]).flat()
    const found = await Promise.all(wanted.map(isFree))
    if (!found.includes(false)) return base
  }
  throw new Error(`no row of ${nodes} free ports from ${ownFirst} on`)
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => server.close(() => resolve(true)))
  })
}

import { createServer } from 'node:net'
import { PaxosError } from '../../base/error.ts'

/** Peer ports lie so far above client ports. */
const peerPortOffset = 100

export function clientPort(basePort: number, index: number): number {
  return basePort + index
}

export function peerPort(basePort: number, index: number): number {
  return basePort + peerPortOffset + index
}

/** Throws PaxosError PORT_IN_USE that names every port another process has. */
export async function requireFreePorts(basePort: number, nodes: number): Promise<void> {
  const ports = Array.from({ length: nodes }, (_, index) => [clientPort(basePort, index), peerPort(basePort, index)])
  const checked = await Promise.all(ports.flat().map(async (port) => ({ port, free: await isFree(port) })))
  const taken = checked.filter(({ free }) => !free).map(({ port }) => port)
  if (taken.length === 0) return
  throw new PaxosError(
    'PORT_IN_USE',
    `${taken.length === 1 ? 'Port' : 'Ports'} ${taken.join(', ')} on 127.0.0.1 ${taken.length === 1 ? 'is' : 'are'} in use`,
    {
      hint: `Stop what listens there, perhaps another cluster, or use --base-port with --data-dir for a second one, such as --base-port ${basePort + 200} --data-dir .paxos/dev2.`,
    },
  )
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => server.close(() => resolve(true)))
  })
}

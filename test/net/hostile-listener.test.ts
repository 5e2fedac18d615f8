import assert from 'node:assert/strict'
import type { AddressInfo } from 'node:net'
import { createServer, type Server, type Socket } from 'node:net'
import { test } from 'node:test'
import { defaultPeerLimits } from '../../src/daemon/net/peer-limits.ts'
import { firstEpoch, firstGroup, toNodeId } from '../../src/protocol/ids.ts'
import { encodeFrame } from '../../src/wire/frame.ts'
import { encodeWelcome, peerFrame, type Welcome } from '../../src/wire/hello.ts'
import { until } from '../conformance/links.ts'
import { memberAt, PeerNodes } from './peer-nodes.ts'
import { helloOf } from './stranger.ts'

const n1 = toNodeId(1)
const n2 = toNodeId(2)
const n3 = toNodeId(3)
const limits = {
  ...defaultPeerLimits,
  helloTimeoutMs: 300,
  silenceTimeoutMs: 300,
  pingIntervalMs: 50,
  tickMs: 20,
  redialMinMs: 10,
  redialMaxMs: 50,
}
const upgraded = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: paxos-peer/1\r\n\r\n'

function welcomeOf(changes: Partial<Extract<Welcome, { kind: 'accepted' }>>): Uint8Array {
  const { versionMin: _, versionMax: __, ...identity } = helloOf(n3)
  return encodeFrame(
    peerFrame.welcome,
    encodeWelcome({ ...identity, kind: 'accepted', protocolVersion: 1, ...changes }),
  )
}

/** A server at the address of n3 that answers each connection in its own way. */
async function impostor(
  answer: (socket: Socket) => void,
): Promise<{ server: Server; port: number; close(): Promise<void> }> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.once('data', () => answer(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  }
  return { server, port: (server.address() as AddressInfo).port, close }
}

/** n1 dials the impostor until it has said why it does not like it; meanwhile its link to n2 works. */
function meets(title: string, error: RegExp, answer: (socket: Socket) => void): void {
  test(title, async () => {
    const { port, close } = await impostor(answer)
    const nodes = await PeerNodes.start([n1, n2], limits, [memberAt(n3, port)])
    try {
      const lastError = (): string => nodes.links(n1).peerInfo(n3)?.lastError ?? ''
      await until(() => error.test(lastError()), `${error} is the reason`).catch((cause) => {
        throw new Error(`the reason is "${lastError()}"`, { cause })
      })
      await until(() => nodes.connected(n1, n2), 'the honest link is up')
      nodes.links(n1).send(firstGroup, firstEpoch, [n2, n3], { kind: 'survey', round: 1 })
      await until(() => nodes.received(n2).length > 0, 'the honest peer has its message')
    } finally {
      await nodes.close()
      await close()
    }
  })
}

meets('a server that hangs up', /.+/, (socket) => socket.destroy())
meets('a server that is not HTTP', /.+/, (socket) => socket.end('hello there\r\n\r\n'))
meets('a server that does not upgrade', /bad upgrade/i, (socket) =>
  socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'),
)
meets('a server that says nothing', /no upgrade within 300 ms/, () => undefined)
meets('no welcome after the upgrade', /no welcome within 300 ms/, (socket) => socket.write(upgraded))
meets('garbage after the upgrade', /magic/, (socket) => socket.write(`${upgraded}garbage`))
meets('a first frame beyond 4 KiB', /at most 4096/, (socket) => {
  socket.write(upgraded)
  socket.write(encodeFrame(peerFrame.welcome, new Uint8Array(5000)))
})
meets('a message instead of a welcome', /frame type 3/, (socket) => {
  socket.write(upgraded)
  socket.write(encodeFrame(peerFrame.message, new Uint8Array(1)))
})
meets('another cluster', /WRONG_CLUSTER/, (socket) => {
  socket.write(upgraded)
  socket.write(welcomeOf({ clusterId: 'other' }))
})
meets('another member than the one dialled', /UNKNOWN_NODE: Node 2 answered at the address of node 3/, (socket) => {
  socket.write(upgraded)
  socket.write(welcomeOf({ nodeId: n2 }))
})
meets('the dialler itself', /OWN_NODE_ID/, (socket) => {
  socket.write(upgraded)
  socket.write(welcomeOf({ nodeId: n1 }))
})
meets('a half-open peer: a welcome, then never a pong', /no sign of life for 300 ms/, (socket) => {
  socket.write(upgraded)
  socket.write(welcomeOf({}))
})
meets('frames that a listener has no business to send', /frame type 3/, (socket) => {
  socket.write(upgraded)
  socket.write(welcomeOf({}))
  socket.write(encodeFrame(peerFrame.message, new Uint8Array(1)))
})

test('the reason of a refusal reaches the dialler', async () => {
  const nodes = await PeerNodes.start([n1], limits)
  const stranger = await PeerNodes.start([n2], limits, [memberAt(n1, nodes.port(n1))])
  try {
    await until(
      () => /n1 refused this node: UNKNOWN_NODE/.test(stranger.links(n2).peerInfo(n1)?.lastError ?? ''),
      'it knows',
    )
  } finally {
    await nodes.close()
    await stranger.close()
  }
})

test('a port in use is named', async () => {
  const { port, close } = await impostor(() => undefined)
  const nodes = new PeerNodes(limits, new Map([[n1, port]]))
  try {
    await assert.rejects(nodes.start(n1), { code: 'PORT_IN_USE', message: new RegExp(`port ${port} is in use`) })
  } finally {
    await nodes.close()
    await close()
  }
})

test('a peer address that is none is named', async () => {
  const nodes = new PeerNodes(limits)
  try {
    await nodes.start(n1)
    for (const peerAddress of ['nowhere at all', 'host:99999', 'user@host:1', 'host:1/path', 'host', '']) {
      assert.throws(() => nodes.links(n1).setMembers(firstGroup, [{ ...memberAt(n2, 1), peerAddress }], 1), {
        code: 'BAD_CONFIG',
        message: /n2/,
      })
    }
  } finally {
    await nodes.close()
  }
})

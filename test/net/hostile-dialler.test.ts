import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { defaultPeerLimits } from '../../src/daemon/net/peer-limits.ts'
import { firstEpoch, firstGroup, toIncarnation, toNodeId } from '../../src/protocol/ids.ts'
import { encodeCbor } from '../../src/wire/cbor.ts'
import { encodeFrame } from '../../src/wire/frame.ts'
import { peerFrame } from '../../src/wire/hello.ts'
import { encodePeer } from '../../src/wire/peer-codec.ts'
import { until } from '../conformance/links.ts'
import { memberAt, PeerNodes } from './peer-nodes.ts'
import { helloFrame, Stranger, upgradeRequest } from './stranger.ts'

const n1 = toNodeId(1)
const n2 = toNodeId(2)
/** Members that only strangers claim to be. */
const n3 = toNodeId(3)
const n4 = toNodeId(4)

const limits = {
  ...defaultPeerLimits,
  helloTimeoutMs: 300,
  frameTimeoutMs: 300,
  idleTimeoutMs: 600,
  pingIntervalMs: 50,
  tickMs: 20,
  connectionsMax: 8,
}
const survey = encodeFrame(peerFrame.message, encodePeer(firstGroup, firstEpoch, { kind: 'survey', round: 1 }))

let nodes: PeerNodes
/** The honest link from n2 to n1: whatever strangers do, it must not even be interrupted. */
let linkedOnce = 0

before(async () => {
  nodes = await PeerNodes.start([n1, n2], limits, [memberAt(n3, 1), memberAt(n4, 1)])
  await until(() => nodes.connected(n2, n1) && nodes.connected(n1, n2), 'the honest link is up')
  linkedOnce = honestLinks()
})
after(() => nodes.close())

function honestLinks(): number {
  return nodes.log.filter(({ message, fields }) => message === 'peer link is up' && fields['peer'] === 'n1').length
}

async function honestLinkWorks(): Promise<void> {
  const before = nodes.received(n1).length
  nodes.links(n2).send(firstGroup, firstEpoch, [n1], { kind: 'survey', round: before })
  await until(
    () =>
      nodes
        .received(n1)
        .some(({ from, message }) => from === n2 && message.kind === 'survey' && message.round === before),
    'the honest message arrives',
  )
  assert.equal(honestLinks(), linkedOnce)
}

/** Runs an attack on n1, and expects that it is noticed as `reason` and that the honest link does not suffer. */
function attack(title: string, reason: RegExp | undefined, run: (stranger: Stranger) => Promise<unknown>): void {
  test(title, async () => {
    const violations = nodes.links(n1).stats().violations
    const stranger = new Stranger(nodes.port(n1))
    await run(stranger)
    await stranger.closed()
    if (reason !== undefined) {
      assert.equal(nodes.links(n1).stats().violations, violations + 1)
      const reasons = nodes.warnings().map(({ fields }) => String(fields['reason']))
      assert.ok(
        reasons.some((text) => reason.test(text)),
        reasons.join('\n'),
      )
    }
    await honestLinkWorks()
  })
}

attack('garbage instead of HTTP', /HTTP failed/, async (stranger) => {
  stranger.send(Buffer.from('0123456789abcdef\u0000\u0001\r\n\r\n'))
})

attack('frames instead of HTTP', /HTTP failed/, async (stranger) => {
  stranger.send(helloFrame(n3))
})

attack('silence from the start', /HTTP failed/, async () => undefined)

attack('a header that never ends', /HTTP failed/, async (stranger) => {
  stranger.send('GET /v1/peer HTTP/1.1\r\nHost: x\r\nA: ')
})

attack('headers beyond 8 KiB', /HTTP failed/, async (stranger) => {
  stranger.send(`GET /v1/peer HTTP/1.1\r\nHost: x\r\nA: ${'x'.repeat(10_000)}\r\n\r\n`)
})

for (const [what, request] of [
  ['a plain request', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['a websocket', upgradeRequest.replace('paxos-peer/1', 'websocket')],
  ['HTTP/2 in clear', upgradeRequest.replace('paxos-peer/1', 'h2c')],
  ['the token on another path', upgradeRequest.replace('/v1/peer', '/v1/kv')],
  ['the token in a POST', upgradeRequest.replace('GET', 'POST')],
] as const) {
  attack(`${what} is answered with 426 and a JSON error`, undefined, async (stranger) => {
    stranger.send(request)
    await until(() => stranger.text.includes('}}'), 'the answer has come')
    assert.match(stranger.text, /^HTTP\/1\.1 426 /)
    const body: unknown = JSON.parse(stranger.text.slice(stranger.text.indexOf('{')))
    assert.ok(typeof body === 'object' && body !== null && 'error' in body)
  })
}

attack('silence after the upgrade', /no hello within 300 ms/, (stranger) => stranger.upgrade())

attack('a hello that comes a byte at a time', /no hello within 300 ms/, async (stranger) => {
  await stranger.upgrade()
  for (const byte of helloFrame(n3)) {
    if (stranger.isClosed) break
    stranger.send(new Uint8Array([byte]))
    await pause(10)
  }
})

attack('garbage after the upgrade', /does not begin with the magic/, async (stranger) => {
  stranger.send(`${upgradeRequest}garbage`)
})

attack('a message before the hello', /came before a hello/, async (stranger) => {
  ;(await stranger.upgrade()).send(survey)
})

attack('a first frame beyond 4 KiB', /payload of 4097 bytes, at most 4096/, async (stranger) => {
  ;(await stranger.upgrade()).send(encodeFrame(peerFrame.hello, new Uint8Array(4097)))
})

attack('a hello of nonsense', /hello is not an array/, async (stranger) => {
  ;(await stranger.upgrade()).send(encodeFrame(peerFrame.hello, encodeCbor(5)))
})

for (const [what, code, hello] of [
  ['another cluster', 'WRONG_CLUSTER', helloFrame(n3, { clusterId: 'other' })],
  ['another protocol version', 'WRONG_VERSION', helloFrame(n3, { versionMin: 7, versionMax: 9 })],
  ['a node that is no member', 'UNKNOWN_NODE', helloFrame(toNodeId(99))],
  ['the id of the listener itself', 'OWN_NODE_ID', helloFrame(n1)],
  ['an older incarnation', 'STALE_INCARNATION', helloFrame(n2, { incarnation: toIncarnation(0) })],
  ['a second process of a member', 'DUPLICATE_NODE', helloFrame(n2)],
] as const) {
  attack(`${what} is refused with ${code}`, undefined, async (stranger) => {
    const refusals = nodes.links(n1).stats().refusals
    // The hello travels with the upgrade request, as bytes behind its head.
    stranger.send(Buffer.concat([Buffer.from(upgradeRequest), hello]))
    const welcome = await stranger.welcome()
    assert.ok(welcome.kind === 'refused' && welcome.code === code, JSON.stringify(welcome))
    assert.equal(nodes.links(n1).stats().refusals, refusals + 1)
    assert.equal(nodes.warnings().filter(({ fields }) => fields['code'] === code).length, 1)
  })
}

const deep = new Uint8Array([...new Array<number>(5000).fill(0x81), 0])
for (const [what, reason, bytes] of [
  [
    'a length above the limit',
    /payload of \d+ bytes, at most/,
    encodeFrame(peerFrame.message, new Uint8Array(5 << 20)).subarray(0, 16),
  ],
  ['a wrong checksum', /payload checksum/, survey.with(survey.length - 1, 1 ^ (survey.at(-1) ?? 0))],
  ['a wrong header check', /header check/, survey.with(5, 1)],
  ['deep CBOR', /nested deeper/, encodeFrame(peerFrame.message, deep)],
  ['a tag', /tags are not allowed/, encodeFrame(peerFrame.message, new Uint8Array([0x81, 0xc2, 0x41, 0x01]))],
  ['a map', /maps are not allowed/, encodeFrame(peerFrame.message, new Uint8Array([0xa0]))],
  ['an unknown message', /message is of an unknown kind/, encodeFrame(peerFrame.message, encodeCbor([50, '0', 1]))],
  ['an unknown frame type', /frame type \d+ is not/, encodeFrame(77, new Uint8Array(0))],
  ['a second hello', /frame type \d+ is not/, helloFrame(n3)],
  ['a ping with content', /frame type \d+ is not/, encodeFrame(peerFrame.ping, new Uint8Array(1))],
] as const) {
  attack(`${what} from a member ends its connection`, reason, async (stranger) => {
    await stranger.join(n3)
    const before = nodes.received(n1).length
    // What follows a bad frame is not looked at.
    stranger.send(Buffer.concat([survey, bytes, survey]))
    await stranger.closed()
    assert.equal(nodes.received(n1).filter(({ from }, i) => i >= before && from === n3).length, 1)
  })
}

attack('a frame cut short by the end of the stream', /ended within a frame/, async (stranger) => {
  await stranger.join(n3)
  stranger.send(survey.subarray(0, 20)).socket.end()
})

attack('a frame that does not end', /a frame did not end within 300 ms/, async (stranger) => {
  await stranger.join(n3)
  const frame = encodeFrame(peerFrame.message, new Uint8Array(10_000))
  for (const byte of frame) {
    if (stranger.isClosed) break
    stranger.send(new Uint8Array([byte]))
    await pause(10)
  }
})

attack('a member that is silent', /nothing heard for 600 ms/, (stranger) => stranger.join(n3))

attack('a member that pings and does not read', /does not read the answers/, async (stranger) => {
  await stranger.join(n3)
  stranger.socket.pause()
  const pings = Buffer.concat(new Array<Uint8Array>(10_000).fill(encodeFrame(peerFrame.ping, new Uint8Array(0))))
  while (nodes.warnings().every(({ fields }) => !/does not read/.test(String(fields['reason'])))) {
    if (!stranger.socket.write(pings)) await pause(1)
  }
  stranger.socket.resume()
})

test('a newer connection of a member replaces the older one', async () => {
  const older = await new Stranger(nodes.port(n1)).join(n3)
  const newer = await new Stranger(nodes.port(n1)).join(n3, {
    incarnation: toIncarnation(2),
    incarnationId: 'next one',
    earlierIncarnations: [{ incarnation: toIncarnation(1), incarnationId: 'stranger' }],
  })
  await older.closed()
  const before = nodes.received(n1).length
  newer.send(survey)
  await until(
    () =>
      nodes
        .received(n1)
        .slice(before)
        .some(({ from }) => from === n3),
    'the newer one is heard',
  )
  newer.socket.destroy()
  await honestLinkWorks()
})

test('connections beyond the cap are closed at once, and the cap frees itself', async () => {
  const strangers = Array.from({ length: limits.connectionsMax + 3 }, () => new Stranger(nodes.port(n1)))
  for (const stranger of strangers) await stranger.closed()
  assert.ok(nodes.warnings().some(({ message }) => /too many connections/.test(message)))
  await honestLinkWorks()
  const late = await new Stranger(nodes.port(n1)).join(n4)
  late.socket.destroy()
})

test('a member whose messages are dear to decode is read slowly, not cut off', async () => {
  const slow = await PeerNodes.start([n1], { ...limits, decodeMsPerSecondMax: 0 }, [memberAt(n3, 1)])
  try {
    const dear = encodePeer(firstGroup, firstEpoch, {
      kind: 'forward',
      incarnation: toIncarnation(1),
      requests: [{ id: 1, request: new Uint8Array(300_000) }],
    })
    const stranger = await new Stranger(slow.port(n1)).join(n3)
    const began = performance.now()
    for (let i = 0; i < 3; i++) stranger.send(encodeFrame(peerFrame.message, dear))
    await until(() => slow.received(n1).length === 3, 'everything has arrived')
    // Three frames of which none fits the budget of a second: two pauses at least lie between them.
    assert.ok(performance.now() - began > 1000)
    assert.equal(slow.links(n1).stats().violations, 0)
  } finally {
    await slow.close()
  }
})

test('one that refuses this node, and says nothing after the welcome, does not fill the log', async () => {
  const seen = await PeerNodes.start([n1], limits, [memberAt(n3, 1)])
  const said = (): string[] =>
    seen.log.filter(({ message }) => /^peer (dis)?connected/.test(message)).map(({ message }) => message)
  try {
    for (let i = 0; i < 3; i++) {
      const refusing = await new Stranger(seen.port(n1)).join(n3)
      refusing.socket.end()
      await refusing.closed()
    }
    const member = await new Stranger(seen.port(n1)).join(n3)
    member.send(encodeFrame(peerFrame.ping, new Uint8Array(0)))
    await until(() => said().length > 0, 'the member is connected')
    member.socket.end()
    await until(() => said().length > 1, 'the member is gone')
    assert.deepEqual(said(), ['peer connected', 'peer disconnected'])
  } finally {
    await seen.close()
  }
})

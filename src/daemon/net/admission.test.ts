import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Member } from '../../protocol/epoch.ts'
import { type NodeId, toIncarnation, toNodeId } from '../../protocol/ids.ts'
import { type Hello, peerVersions } from '../../wire/hello.ts'
import { Admission, type PeerLife, type PeerLives } from './admission.ts'

const self: Hello = {
  versionMin: peerVersions.min,
  versionMax: peerVersions.max,
  clusterId: 'c',
  nodeId: toNodeId(1),
  name: 'n1',
  incarnation: toIncarnation(1),
  diskId: 'disk-1',
  bootId: 'boot-1',
  earlierBoots: [],
  clientAddress: '127.0.0.1:7601',
  version: '0',
}
const n2 = toNodeId(2)
const members = new Map(
  [1, 2, 3].map((id): [ReturnType<typeof toNodeId>, Member] => [
    toNodeId(id),
    { id: toNodeId(id), name: `n${id}`, peerAddress: `h:${id}`, kind: 'acceptor' },
  ]),
)

function hello(changes: Partial<Hello> = {}): Hello {
  return {
    ...self,
    nodeId: n2,
    name: 'n2',
    diskId: 'disk-2',
    bootId: 'boot-2',
    incarnation: toIncarnation(5),
    ...changes,
  }
}

function lives(
  known: readonly (readonly [NodeId, PeerLife])[] = [],
): PeerLives & { readonly known: Map<NodeId, PeerLife> } {
  const map = new Map(known)
  return { known: map, get: (node) => map.get(node), remember: (node, life) => void map.set(node, life) }
}

function boot(incarnation: number, bootId = `boot-${incarnation}`): Hello['earlierBoots'][number] {
  return { incarnation: toIncarnation(incarnation), bootId }
}

function code(admission: Admission, changes: Partial<Hello> = {}): string {
  const verdict = admission.judgeHello(hello(changes))
  return verdict.kind === 'refused' ? verdict.code : 'accepted'
}

test('a member of the same cluster is accepted at the highest version that both speak', () => {
  const admission = new Admission(self, members, lives())
  const verdict = admission.judgeHello(hello({ versionMin: peerVersions.min, versionMax: peerVersions.max + 5 }))
  assert.deepEqual(verdict, { kind: 'accepted', protocolVersion: peerVersions.max })
})

test('strangers are refused with the reason', () => {
  const admission = new Admission(self, members, lives())
  assert.equal(code(admission, { clusterId: 'other' }), 'WRONG_CLUSTER')
  assert.equal(code(admission, { nodeId: toNodeId(9) }), 'UNKNOWN_NODE')
  assert.equal(code(admission, { nodeId: self.nodeId }), 'OWN_NODE_ID')
  assert.equal(code(admission, { versionMin: 2, versionMax: 3 }), 'WRONG_VERSION')
  assert.equal(code(admission, { versionMin: 0, versionMax: 0 }), 'WRONG_VERSION')
})

test('a node that reached itself is told so', () => {
  const verdict = new Admission(self, members, lives()).judgeHello(self)
  assert.ok(verdict.kind === 'refused' && /reached itself/.test(verdict.message))
})

test('a restarted node is accepted, and its older incarnation never again', () => {
  const admission = new Admission(self, members, lives())
  assert.equal(code(admission), 'accepted')
  assert.equal(code(admission), 'accepted')
  assert.equal(code(admission, { ...boot(6), earlierBoots: [boot(5, 'boot-2')] }), 'accepted')
  assert.equal(code(admission), 'STALE_INCARNATION')
})

test('two processes with one incarnation are two copies of one disk: the second is refused', () => {
  const admission = new Admission(self, members, lives())
  assert.equal(code(admission), 'accepted')
  assert.equal(code(admission, { bootId: 'copy' }), 'DUPLICATE_NODE')
  assert.equal(code(admission), 'accepted')
})

test('a refused hello leaves no trace', () => {
  const admission = new Admission(self, members, lives())
  assert.equal(code(admission, { clusterId: 'other', incarnation: toIncarnation(99) }), 'WRONG_CLUSTER')
  assert.equal(code(admission), 'accepted')
})

test('what a dialler learns counts for those who dial in, and the other way round', () => {
  const admission = new Admission(self, members, lives())
  assert.equal(admission.judgeWelcome(hello({ ...boot(7), earlierBoots: [boot(5, 'boot-2'), boot(6)] }), n2), undefined)
  assert.equal(code(admission), 'STALE_INCARNATION')
  assert.equal(admission.judgeWelcome(hello(), n2)?.code, 'STALE_INCARNATION')
})

test('another member at the address of the one that was dialled is refused', () => {
  const admission = new Admission(self, members, lives())
  assert.equal(admission.judgeWelcome(hello({ bootId: 'elsewhere' }), toNodeId(3))?.code, 'UNKNOWN_NODE')
  // And it is not remembered as the real one.
  assert.equal(code(admission), 'accepted')
})

test('membership may change', () => {
  const admission = new Admission(self, new Map(), lives())
  assert.equal(code(admission), 'UNKNOWN_NODE')
  admission.setMembers(members)
  assert.equal(code(admission), 'accepted')
})

test('a node that was wiped is refused under its old id, also by a node that was restarted since', () => {
  const remembered = lives()
  const before = new Admission(self, members, remembered)
  assert.equal(code(before), 'accepted')
  assert.deepEqual([...remembered.known], [[n2, { ...boot(5, 'boot-2'), diskId: 'disk-2' }]])
  const wiped = { diskId: 'new disk', bootId: 'boot-9', incarnation: toIncarnation(7) }
  assert.equal(code(before, wiped), 'OTHER_DISK')
  assert.equal(code(new Admission(self, members, lives([...remembered.known])), wiped), 'OTHER_DISK')
  assert.equal(code(before, { ...boot(6), earlierBoots: [boot(5, 'boot-2')] }), 'accepted')
})

test('an older copy of a directory is refused however often it is started, also by a node that was restarted since', () => {
  const remembered = lives()
  const history = [boot(3), boot(4), boot(5), boot(6)]
  assert.equal(code(new Admission(self, members, remembered), { ...boot(7), earlierBoots: history }), 'accepted')
  // Copied in life 4; each start adds a life of its own, until there are more of them than were met.
  const starts = [5, 6, 7, 8, 9].map((number) => boot(number, `copy-${number}`))
  const verdicts = starts.map((start, at) => {
    const earlierBoots = [boot(3), boot(4), ...starts.slice(0, at)]
    return code(new Admission(self, members, lives([...remembered.known])), { ...start, earlierBoots })
  })
  assert.deepEqual(verdicts, ['STALE_INCARNATION', 'STALE_INCARNATION', 'DUPLICATE_NODE', 'OLDER_COPY', 'OLDER_COPY'])
  assert.equal(
    code(new Admission(self, members, remembered), { ...boot(8), earlierBoots: [...history, boot(7)] }),
    'accepted',
  )
})

test('a node that was not met for longer than it remembers its lives is let in, and so is one met by an earlier build', () => {
  const before = lives([[n2, { ...boot(2), diskId: 'disk-2' }]])
  assert.equal(
    code(new Admission(self, members, before), { ...boot(60), earlierBoots: [boot(58), boot(59)] }),
    'accepted',
  )
  const old = lives([[n2, { ...boot(0, ''), diskId: 'disk-2' }]])
  assert.equal(code(new Admission(self, members, old), { ...boot(6), earlierBoots: [] }), 'accepted')
})

test('whoever is of the cluster before a recovery is told what to do, and nothing of it is remembered', () => {
  const known = lives()
  const admission = new Admission(self, members, known, ['before'])
  const message = (changes: Partial<Hello>): string => {
    const verdict = admission.judgeHello(hello({ clusterId: 'before', ...changes }))
    assert.ok(verdict.kind === 'refused' && verdict.code === 'WRONG_CLUSTER')
    return verdict.message
  }
  assert.match(message({}), /run `paxos recover apply` on the directory of n2 first/)
  assert.match(message({ nodeId: toNodeId(9), name: 'n9' }), /n9 was left behind, is no member any more/)
  assert.equal(known.known.size, 0)
})

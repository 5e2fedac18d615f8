import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Member } from '../../protocol/epoch.ts'
import { type NodeId, toIncarnation, toNodeId } from '../../protocol/ids.ts'
import { type Hello, peerVersions } from '../../wire/hello.ts'
import { Admission, type PeerIncarnation, type PeerIncarnations } from './admission.ts'

const self: Hello = {
  versionMin: peerVersions.min,
  versionMax: peerVersions.max,
  clusterId: 'c',
  nodeId: toNodeId(1),
  name: 'n1',
  incarnation: toIncarnation(1),
  diskId: 'disk-1',
  incarnationId: 'id-1',
  earlierIncarnations: [],
  clientAddress: '127.0.0.1:7601',
  version: '0',
  featureLevels: { min: 1, max: 1 },
  foundedLevel: 1,
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
    incarnationId: 'id-2',
    incarnation: toIncarnation(5),
    ...changes,
  }
}

function remembering(
  known: readonly (readonly [NodeId, PeerIncarnation])[] = [],
): PeerIncarnations & { readonly known: Map<NodeId, PeerIncarnation> } {
  const map = new Map(known)
  return { known: map, get: (node) => map.get(node), remember: (node, met) => void map.set(node, met) }
}

function numbered(incarnation: number, incarnationId = `id-${incarnation}`): Hello['earlierIncarnations'][number] {
  return { incarnation: toIncarnation(incarnation), incarnationId }
}

function code(admission: Admission, changes: Partial<Hello> = {}): string {
  const verdict = admission.judgeHello(hello(changes))
  return verdict.kind === 'refused' ? verdict.code : 'accepted'
}

test('a member of the same cluster is accepted at the highest version that both speak', () => {
  const admission = new Admission(self, members, 1, remembering())
  const verdict = admission.judgeHello(hello({ versionMin: peerVersions.min, versionMax: peerVersions.max + 5 }))
  assert.deepEqual(verdict, { kind: 'accepted', protocolVersion: peerVersions.max })
})

test('strangers are refused with the reason', () => {
  const admission = new Admission(self, members, 1, remembering())
  assert.equal(code(admission, { clusterId: 'other' }), 'WRONG_CLUSTER')
  assert.equal(code(admission, { nodeId: toNodeId(9) }), 'UNKNOWN_NODE')
  assert.equal(code(admission, { nodeId: self.nodeId }), 'OWN_NODE_ID')
  assert.equal(code(admission, { versionMin: 2, versionMax: 3 }), 'WRONG_VERSION')
  assert.equal(code(admission, { versionMin: 0, versionMax: 0 }), 'WRONG_VERSION')
})

test('who does not understand the level of the cluster is refused, and says which it wants', () => {
  const admission = new Admission(self, members, 2, remembering())
  const verdict = admission.judgeHello(hello())
  assert.ok(verdict.kind === 'refused' && verdict.code === 'WRONG_VERSION')
  assert.match(verdict.message, /at feature level 2, and this version knows level 1: it is too old/)
  assert.equal(code(admission, { featureLevels: { min: 1, max: 2 } }), 'accepted')
  admission.setMembers(members, 3)
  assert.equal(code(admission, { featureLevels: { min: 1, max: 2 } }), 'WRONG_VERSION')
  assert.equal(code(admission, { featureLevels: { min: 4, max: 5 } }), 'WRONG_VERSION')
})

test('founders of two levels are refused, for each derived the first epoch at its own', () => {
  const levels = { min: 1, max: 2 }
  const admission = new Admission({ ...self, featureLevels: levels, foundedLevel: 2 }, members, 2, remembering())
  const verdict = admission.judgeHello(hello({ featureLevels: levels, foundedLevel: 1 }))
  assert.ok(verdict.kind === 'refused' && verdict.code === 'WRONG_VERSION')
  assert.match(verdict.message, /Two versions began this cluster, n1 at feature level 2, n2 at 1: start the later one/)
  for (const foundedLevel of [0, 2]) assert.equal(code(admission, { featureLevels: levels, foundedLevel }), 'accepted')
  const joined = new Admission({ ...self, foundedLevel: 0 }, members, 1, remembering())
  assert.equal(code(joined, { foundedLevel: 1 }), 'accepted')
})

test('a node that reached itself is told so', () => {
  const verdict = new Admission(self, members, 1, remembering()).judgeHello(self)
  assert.ok(verdict.kind === 'refused' && /reached itself/.test(verdict.message))
})

test('a restarted node is accepted, and its older incarnation never again', () => {
  const admission = new Admission(self, members, 1, remembering())
  assert.equal(code(admission), 'accepted')
  assert.equal(code(admission), 'accepted')
  assert.equal(code(admission, { ...numbered(6), earlierIncarnations: [numbered(5, 'id-2')] }), 'accepted')
  assert.equal(code(admission), 'STALE_INCARNATION')
})

test('two processes with one incarnation are two copies of one disk: the second is refused', () => {
  const admission = new Admission(self, members, 1, remembering())
  assert.equal(code(admission), 'accepted')
  assert.equal(code(admission, { incarnationId: 'copy' }), 'DUPLICATE_NODE')
  assert.equal(code(admission), 'accepted')
})

test('a refused hello leaves no trace', () => {
  const admission = new Admission(self, members, 1, remembering())
  assert.equal(code(admission, { clusterId: 'other', incarnation: toIncarnation(99) }), 'WRONG_CLUSTER')
  assert.equal(code(admission), 'accepted')
})

test('what a dialler learns counts for those who dial in, and the other way round', () => {
  const admission = new Admission(self, members, 1, remembering())
  assert.equal(
    admission.judgeWelcome(hello({ ...numbered(7), earlierIncarnations: [numbered(5, 'id-2'), numbered(6)] }), n2),
    undefined,
  )
  assert.equal(code(admission), 'STALE_INCARNATION')
  assert.equal(admission.judgeWelcome(hello(), n2)?.code, 'STALE_INCARNATION')
})

test('another member at the address of the one that was dialled is refused', () => {
  const admission = new Admission(self, members, 1, remembering())
  assert.equal(admission.judgeWelcome(hello({ incarnationId: 'elsewhere' }), toNodeId(3))?.code, 'UNKNOWN_NODE')
  // And it is not remembered as the real one.
  assert.equal(code(admission), 'accepted')
})

test('membership may change', () => {
  const admission = new Admission(self, new Map(), 1, remembering())
  assert.equal(code(admission), 'UNKNOWN_NODE')
  admission.setMembers(members, 1)
  assert.equal(code(admission), 'accepted')
})

test('a node that was wiped is refused under its old id, also by a node that was restarted since', () => {
  const remembered = remembering()
  const before = new Admission(self, members, 1, remembered)
  assert.equal(code(before), 'accepted')
  assert.deepEqual([...remembered.known], [[n2, { ...numbered(5, 'id-2'), diskId: 'disk-2' }]])
  const wiped = { diskId: 'new disk', incarnationId: 'id-9', incarnation: toIncarnation(7) }
  assert.equal(code(before, wiped), 'OTHER_DISK')
  assert.equal(code(new Admission(self, members, 1, remembering([...remembered.known])), wiped), 'OTHER_DISK')
  assert.equal(code(before, { ...numbered(6), earlierIncarnations: [numbered(5, 'id-2')] }), 'accepted')
})

test('an older copy of a directory is refused however often it is started, also by a node that was restarted since', () => {
  const remembered = remembering()
  const history = [numbered(3), numbered(4), numbered(5), numbered(6)]
  assert.equal(
    code(new Admission(self, members, 1, remembered), { ...numbered(7), earlierIncarnations: history }),
    'accepted',
  )
  // Copied in incarnation 4; each start adds one of its own, until there are more of them than were met.
  const starts = [5, 6, 7, 8, 9].map((number) => numbered(number, `copy-${number}`))
  const verdicts = starts.map((start, at) => {
    const earlierIncarnations = [numbered(3), numbered(4), ...starts.slice(0, at)]
    return code(new Admission(self, members, 1, remembering([...remembered.known])), { ...start, earlierIncarnations })
  })
  assert.deepEqual(verdicts, ['STALE_INCARNATION', 'STALE_INCARNATION', 'DUPLICATE_NODE', 'OLDER_COPY', 'OLDER_COPY'])
  assert.equal(
    code(new Admission(self, members, 1, remembered), {
      ...numbered(8),
      earlierIncarnations: [...history, numbered(7)],
    }),
    'accepted',
  )
})

test('a node that was not met for longer than it remembers its incarnations is let in, and so is one met by an earlier build', () => {
  const before = remembering([[n2, { ...numbered(2), diskId: 'disk-2' }]])
  assert.equal(
    code(new Admission(self, members, 1, before), {
      ...numbered(60),
      earlierIncarnations: [numbered(58), numbered(59)],
    }),
    'accepted',
  )
  const old = remembering([[n2, { ...numbered(0, ''), diskId: 'disk-2' }]])
  assert.equal(code(new Admission(self, members, 1, old), { ...numbered(6), earlierIncarnations: [] }), 'accepted')
})

test('whoever is of the cluster before a recovery is told what to do, and nothing of it is remembered', () => {
  const known = remembering()
  const admission = new Admission(self, members, 1, known, ['before'])
  const message = (changes: Partial<Hello>): string => {
    const verdict = admission.judgeHello(hello({ clusterId: 'before', ...changes }))
    assert.ok(verdict.kind === 'refused' && verdict.code === 'WRONG_CLUSTER')
    return verdict.message
  }
  assert.match(message({}), /run `paxos recover apply` on the directory of n2 first/)
  assert.match(message({ nodeId: toNodeId(9), name: 'n9' }), /n9 was left behind, is no member any more/)
  assert.equal(known.known.size, 0)
})

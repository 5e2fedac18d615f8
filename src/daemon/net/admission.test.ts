import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Member } from '../../protocol/epoch.ts'
import { type NodeId, toIncarnation, toNodeId } from '../../protocol/ids.ts'
import { type Hello, peerVersions } from '../../wire/hello.ts'
import { Admission, type PeerDisks } from './admission.ts'

const self: Hello = {
  versionMin: peerVersions.min,
  versionMax: peerVersions.max,
  clusterId: 'c',
  nodeId: toNodeId(1),
  name: 'n1',
  incarnation: toIncarnation(1),
  diskId: 'disk-1',
  bootId: 'boot-1',
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

function disks(
  known: readonly (readonly [NodeId, string])[] = [],
): PeerDisks & { readonly known: Map<NodeId, string> } {
  const map = new Map(known)
  return { known: map, get: (node) => map.get(node), remember: (node, diskId) => void map.set(node, diskId) }
}

function code(admission: Admission, changes: Partial<Hello> = {}): string {
  const verdict = admission.judgeHello(hello(changes))
  return verdict.kind === 'refused' ? verdict.code : 'accepted'
}

test('a member of the same cluster is accepted at the highest version that both speak', () => {
  const admission = new Admission(self, members, disks())
  const verdict = admission.judgeHello(hello({ versionMin: peerVersions.min, versionMax: peerVersions.max + 5 }))
  assert.deepEqual(verdict, { kind: 'accepted', protocolVersion: peerVersions.max })
})

test('strangers are refused with the reason', () => {
  const admission = new Admission(self, members, disks())
  assert.equal(code(admission, { clusterId: 'other' }), 'WRONG_CLUSTER')
  assert.equal(code(admission, { nodeId: toNodeId(9) }), 'UNKNOWN_NODE')
  assert.equal(code(admission, { nodeId: self.nodeId }), 'OWN_NODE_ID')
  assert.equal(code(admission, { versionMin: 2, versionMax: 3 }), 'WRONG_VERSION')
  assert.equal(code(admission, { versionMin: 0, versionMax: 0 }), 'WRONG_VERSION')
})

test('a node that reached itself is told so', () => {
  const verdict = new Admission(self, members, disks()).judgeHello(self)
  assert.ok(verdict.kind === 'refused' && /reached itself/.test(verdict.message))
})

test('a restarted node is accepted, and its older incarnation never again', () => {
  const admission = new Admission(self, members, disks())
  assert.equal(code(admission), 'accepted')
  assert.equal(code(admission), 'accepted')
  assert.equal(code(admission, { incarnation: toIncarnation(6), bootId: 'boot-3' }), 'accepted')
  assert.equal(code(admission), 'STALE_INCARNATION')
})

test('two processes with one incarnation are two copies of one disk: the second is refused', () => {
  const admission = new Admission(self, members, disks())
  assert.equal(code(admission), 'accepted')
  assert.equal(code(admission, { bootId: 'copy' }), 'DUPLICATE_NODE')
  assert.equal(code(admission), 'accepted')
})

test('a refused hello leaves no trace', () => {
  const admission = new Admission(self, members, disks())
  assert.equal(code(admission, { clusterId: 'other', incarnation: toIncarnation(99) }), 'WRONG_CLUSTER')
  assert.equal(code(admission), 'accepted')
})

test('what a dialler learns counts for those who dial in, and the other way round', () => {
  const admission = new Admission(self, members, disks())
  assert.equal(admission.judgeWelcome(hello({ incarnation: toIncarnation(7), bootId: 'boot-3' }), n2), undefined)
  assert.equal(code(admission), 'STALE_INCARNATION')
  assert.equal(admission.judgeWelcome(hello(), n2)?.code, 'STALE_INCARNATION')
})

test('another member at the address of the one that was dialled is refused', () => {
  const admission = new Admission(self, members, disks())
  assert.equal(admission.judgeWelcome(hello({ bootId: 'elsewhere' }), toNodeId(3))?.code, 'UNKNOWN_NODE')
  // And it is not remembered as the real one.
  assert.equal(code(admission), 'accepted')
})

test('membership may change', () => {
  const admission = new Admission(self, new Map(), disks())
  assert.equal(code(admission), 'UNKNOWN_NODE')
  admission.setMembers(members)
  assert.equal(code(admission), 'accepted')
})

test('a node that was wiped is refused under its old id, also by a node that was restarted since', () => {
  const remembered = disks()
  const before = new Admission(self, members, remembered)
  assert.equal(code(before), 'accepted')
  assert.deepEqual([...remembered.known], [[n2, 'disk-2']])
  const wiped = { diskId: 'new disk', bootId: 'boot-9', incarnation: toIncarnation(7) }
  assert.equal(code(before, wiped), 'OTHER_DISK')
  assert.equal(code(new Admission(self, members, disks([...remembered.known])), wiped), 'OTHER_DISK')
  assert.equal(code(before, { incarnation: toIncarnation(6), bootId: 'boot-3' }), 'accepted')
})

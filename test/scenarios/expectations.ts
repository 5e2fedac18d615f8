import assert from 'node:assert/strict'
import { toBinary } from '../../src/base/bytes.ts'
import type { Key } from '../../src/machine/request.ts'
import { formatBallot } from '../../src/protocol/ballot.ts'
import { toSlot } from '../../src/protocol/ids.ts'
import { formatEntry } from './format.ts'
import type { Script } from './script.ts'

type Expectation = (script: Script, words: readonly string[]) => void

/** What a scenario states beside its transcript, and what a rewritten transcript cannot hide. */
export const expectations: Readonly<Record<string, Expectation>> = {
  /** leader n1 | leader none: who serves. */
  leader: (script, [wanted]) => {
    const leader = script.cluster.leader()
    assert.equal(leader === undefined ? 'none' : `n${leader.id}`, wanted, 'leader')
  },
  /** role n1 candidate */
  role: (script, [node, wanted]) => {
    assert.equal(script.member(node).engine?.status().role ?? 'down', wanted, `role of ${node}`)
  },
  /** chosen 3=x | chosen 3=nothing: what the durable votes of all prove. */
  chosen: (script, words) => {
    const [slot, text] = pair(words)
    assert.equal(script.cluster.invariants.chosen(toSlot(Number(slot))) ?? 'nothing', text, `slot ${slot}`)
  },
  /** learned n1 4: everything below 4. */
  learned: (script, [node, upTo]) => {
    assert.equal(script.member(node).learnedUpTo, Number(upTo), `learned by ${node}`)
  },
  /** entry n1 3=x: what n1 learned there. */
  entry: (script, [node, ...words]) => {
    const [slot, text] = pair(words)
    const entry = script.member(node).learned.get(toSlot(Number(slot)))
    assert.equal(entry === undefined ? 'nothing' : formatEntry(entry), text, `slot ${slot} at ${node}`)
  },
  /** promised n1 2.1 */
  promised: (script, [node, ballot]) => {
    const promised = script.member(node).engine?.status().promised
    assert.equal(promised === undefined ? 'down' : formatBallot(promised), ballot, `promise of ${node}`)
  },
  /** truncated n1 128 */
  truncated: (script, [node, upTo]) => {
    assert.equal(script.member(node).engine?.truncatedUpTo(), Number(upTo), `truncated by ${node}`)
  },
  /** read n1 1 waits | refused | 4 lease | 4 readIndex */
  read: (script, [node, read, ...wanted]) => {
    const { readable } = script.member(node)
    const answer = readable.get(Number(read))
    const text = answer === undefined ? 'refused' : `${answer.upTo} ${answer.by}`
    assert.equal(readable.has(Number(read)) ? text : 'waits', wanted.join(' '), `read ${read} at ${node}`)
  },
  /** lease n1 yes | no */
  lease: (script, [node, wanted]) => {
    const member = script.member(node)
    const holds = member.engine?.leaseHolds(script.cluster.clock(member)) === true
    assert.equal(holds ? 'yes' : 'no', wanted, `lease of ${node}`)
  },
  /** elections n1 2: how often it claimed in this incarnation. */
  elections: (script, [node, count]) => {
    assert.equal(script.member(node).engine?.status().elections, Number(count), `elections of ${node}`)
  },
  /** value n1 key=value, of the machine. */
  value: (script, [node, ...words]) => {
    const [key, value] = pair(words)
    const answer = script.machines.of(script.node(node)).query({ kind: 'get', key: key as Key, revision: undefined })
    const item = answer.kind === 'item' ? answer.item : undefined
    assert.equal(item === undefined ? 'nothing' : toBinary(item.value), value, `${key} at ${node}`)
  },
  /** revision n1 2, of the machine. */
  revision: (script, [node, revision]) => {
    assert.equal(script.machines.of(script.node(node)).revision, Number(revision), `revision of ${node}`)
  },
  /** violation TEXT: a rule was just broken, as this scenario shows must happen. */
  violation: (script, words) => {
    assert.ok(script.violation?.includes(words.join(' ')), `violation: ${script.violation}`)
    script.violation = undefined
  },
}

function pair(words: readonly string[]): [string, string] {
  const text = words.join(' ')
  const at = text.indexOf('=')
  assert.ok(at > 0, `not name=value: ${text}`)
  return [text.slice(0, at), text.slice(at + 1)]
}

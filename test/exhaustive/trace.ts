import { Disk } from '../scenarios/disk.ts'
import { formatMessage, formatWrite } from '../scenarios/format.ts'
import { emptyGhost, judge } from './ghost.ts'
import { firstNode, type NodeState, Nodes } from './node.ts'
import type { Scope } from './scope.ts'
import type { Move } from './search.ts'

const does = {
  claim: 'claims leadership',
  propose: 'proposes a command',
  stop: 'proposes a stop sign',
  ask: 'asks for what it misses',
  stall: 'writes nothing to its disk from here on',
  crash: 'crashes, loses what is not durable, and starts again',
} as const

/** The way to a failure, one move a paragraph: what happened, and what left the node or became durable because of it. */
export function transcript(scope: Scope, moves: readonly Move[], failure: string): string {
  const nodes = new Nodes(scope)
  const states: NodeState[] = nodes.ids.map((id) => nodes.start(id, new Disk(), 1, 0))
  let ghost = emptyGhost(scope.slots)
  const lines: string[] = []
  for (const [at, { node: index, action }] of moves.entries()) {
    const before = states[index]
    if (before === undefined) throw new RangeError(`no node ${index}`)
    const what =
      action.kind === 'deliver'
        ? `receives ${formatMessage(shown(action.packet.message))} from n${action.packet.from}`
        : does[action.kind]
    lines.push(`${at + 1}. n${before.self} ${what}`)
    try {
      const { node, outcome } = nodes.act(before, action)
      for (const write of outcome.writes) lines.push(`     durable: ${formatWrite(shown(write))}`)
      for (const { to, message } of outcome.packets) lines.push(`     to n${to}: ${formatMessage(shown(message))}`)
      for (const fact of outcome.facts) {
        if (fact.kind === 'chosen' && fact.who.endsWith('learns'))
          lines.push(`     learns ${fact.entry} in slot ${fact.slot}`)
      }
      states[index] = node
      const promises = new Map(states.map(({ self, disk }) => [self, disk.promised]))
      ghost = judge(ghost, outcome.facts, promises, scope.q2)
    } catch {
      // The last move fails: that is what the transcript is about.
    }
  }
  lines.push(`   ${failure}`)
  return withShortNames(lines.join('\n'))
}

/** Barriers hold text here, too: which of them one is matters. */
function shown<T>(value: T): T {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value
  if (Array.isArray(value)) return value.map(shown) as T
  const entries = Object.entries(value).map(([key, item]) => [key, item === 'barrier' ? 'batch' : shown(item)])
  return Object.fromEntries(entries)
}

/** 101 is n1. */
export function withShortNames(text: string): string {
  return text.replace(/(?<!\d)1(\d\d)(?!\d)/g, (_, digits: string) => String(Number(`1${digits}`) - firstNode + 1))
}

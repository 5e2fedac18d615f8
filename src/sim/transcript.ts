import type { Ballot } from '../protocol/ballot.ts'
import type { Entry } from '../protocol/entry.ts'
import type { Epoch } from '../protocol/epoch.ts'
import type { SlotEntry } from '../protocol/multipaxos/message.ts'
import type { PeerMessage } from '../runtime/peer-message.ts'
import type { GroupWrite } from '../runtime/ports.ts'

/** One line that a person can read. */
export function describeMessage(message: PeerMessage): string {
  switch (message.kind) {
    case 'prepare':
      return `prepare ${at(message.ballot)} from slot ${message.fromSlot}`
    case 'promise': {
      const votes = message.votes.map((vote) => `${vote.slot}=${describeEntry(vote.entry)}@${at(vote.ballot)}`)
      const part = message.parts > 1 ? ` part ${message.part + 1}/${message.parts}` : ''
      return `promise ${at(message.ballot)}${part} chosen<${message.chosenUpTo} truncated<${message.truncatedUpTo} [${votes.join(' ')}]`
    }
    case 'nack':
      return `nack ${at(message.ballot)} promised ${at(message.promised)}${message.leaseMs > 0 ? ' (lease)' : ''}`
    case 'accept':
      return `accept ${at(message.ballot)} [${entries(message.entries)}] decided [${message.decided.from},${message.decided.upTo})`
    case 'accepted':
      return `accepted ${at(message.ballot)} ${message.ranges.map(({ from, to }) => `[${from},${to})`).join(' ')}`
    case 'decide':
      return `decide ${at(message.ballot)} [${message.decided.from},${message.decided.upTo})`
    case 'heartbeat':
      return `heartbeat ${at(message.ballot)} #${message.seq} decided [${message.decided.from},${message.decided.upTo})`
    case 'heartbeatAck':
      return `heartbeatAck ${at(message.ballot)} #${message.seq}`
    case 'catchup':
      return `catchup [${message.range.from},${message.range.to})`
    case 'catchupReply':
      return `catchupReply truncated<${message.truncatedUpTo} [${entries(message.entries)}]`
    case 'survey':
      return `survey ${message.round}`
    case 'surveyReply':
      return `surveyReply ${message.round} ballot ${at(message.ballot)} leader ${at(message.leader)}${message.happy ? ' happy' : ' unhappy'}`
    case 'release':
      return `release ${at(message.ballot)}`
    case 'forward':
      return `forward ${message.requests.map(({ id, request }) => `${shortId(id)} (${request.length} bytes)`).join(', ')}`
    case 'forwarded':
      return `forwarded ${message.outcomes.map(({ id, outcome }) => `${shortId(id)} ${outcome.kind === 'failed' ? outcome.code : 'done'}`).join(', ')}`
    case 'epochBegun':
      return `epochBegun ${describeEpoch(message.epoch)}`
    case 'snapshotChunk':
      return `snapshotChunk #${message.snapshot} applied<${message.appliedUpTo} ${message.entries.length} pairs${message.done ? ' done' : ''}`
    default:
      return message.kind
  }
}

export function describeWrite(write: GroupWrite['write']): string {
  switch (write.kind) {
    case 'promise':
      return `promise ${at(write.ballot)}`
    case 'vote':
      return `vote ${write.slot}=${describeEntry(write.entry)}@${at(write.ballot)}${write.chosen ? ' (learned)' : ''}`
    case 'chosen':
    case 'truncate':
      return `${write.kind}<${write.upTo}`
    case 'epoch':
      return describeEpoch(write.epoch)
  }
}

export function describeEntry({ kind, payload }: Entry): string {
  return kind === 'batch' ? `batch(${payload.length} bytes)` : kind
}

/** A sequence diagram of the messages in a transcript, for Markdown viewers. The last `max` of them. */
export function mermaid(lines: readonly string[], max = 150): string {
  const steps: string[] = []
  for (const line of lines) {
    const sent = /^\s*([\d.]+) (n\d+) -> (n\d+) (.*)$/.exec(line)
    const note = /^\s*([\d.]+) (n\d+) (crashes|starts|durable|applies|pauses|resumes)(.*)$/.exec(line)
    if (sent !== null) steps.push(`  ${sent[2]}->>${sent[3]}: ${clean(`${sent[4]} (${sent[1]})`)}`)
    else if (note !== null) steps.push(`  Note over ${note[2]}: ${clean(`${note[3]}${note[4]} (${note[1]})`)}`)
  }
  return ['sequenceDiagram', ...steps.slice(-max)].join('\n')
}

export function describeEpoch({ number, members, q1, q2, startSlot }: Epoch): string {
  const each = members.map(({ id, kind }) => (kind === 'learner' ? `n${id}?` : `n${id}`))
  return `epoch ${number} from slot ${startSlot} of ${each.join(' ')}, q1 ${q1} q2 ${q2}`
}

function clean(text: string): string {
  return text.replaceAll(/[;#]/g, ' ')
}

function entries(list: readonly SlotEntry[]): string {
  return list.map(({ slot, entry }) => `${slot}=${describeEntry(entry)}`).join(' ')
}

function at({ round, node, incarnation }: Ballot): string {
  return `${round}.${node}/${incarnation}`
}

/** Incarnation and number of a forwarded request. */
function shortId(id: number): string {
  return `${Math.floor(id / 2 ** 32)}/${id % 2 ** 32}`
}

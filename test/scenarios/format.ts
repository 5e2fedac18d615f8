import { toBinary } from '../../src/base/bytes.ts'
import { type Ballot, formatBallot } from '../../src/protocol/ballot.ts'
import type { Write } from '../../src/protocol/effect.ts'
import type { Entry } from '../../src/protocol/entry.ts'
import type { Decided, Message, SlotRange } from '../../src/protocol/multipaxos/message.ts'

/** A batch in these tests holds plain text, so that transcripts show it. */
export function formatEntry({ kind, payload }: Entry): string {
  return kind === 'batch' ? toBinary(payload) : kind
}

export function formatWrite(write: Write): string {
  switch (write.kind) {
    case 'promise':
      return `promise ${formatBallot(write.ballot)}`
    case 'vote': {
      const learned = write.chosen ? ' (learned)' : ''
      return `vote ${write.slot}=${formatEntry(write.entry)}@${formatBallot(write.ballot)}${learned}`
    }
    case 'chosen':
    case 'truncate':
      return `${write.kind} up to ${write.upTo}`
  }
}

export function formatMessage(message: Message): string {
  const ballot = 'ballot' in message ? ` ${formatBallot(message.ballot)}` : ''
  switch (message.kind) {
    case 'prepare':
      return `prepare${ballot} from ${message.fromSlot}`
    case 'promise':
      return `promise${ballot}${promiseText(message)}`
    case 'accept':
      return `accept${ballot} [${entriesText(message.entries)}] decided ${rangeText(message.decided)}`
    case 'accepted':
      return `accepted${ballot} ${message.ranges.map(rangeText).join(' ')}`
    case 'nack': {
      const lease = message.leaseMs > 0 ? ` lease ${message.leaseMs} ms` : ''
      return `nack${ballot} promised ${formatBallot(message.promised)}${lease}`
    }
    case 'decide':
      return `decide${ballot} ${rangeText(message.decided)}`
    case 'heartbeat':
      return `heartbeat${ballot} #${message.seq} decided ${rangeText(message.decided)}`
    case 'heartbeatAck':
      return `heartbeatAck${ballot} #${message.seq}`
    case 'catchup':
      return `catchup ${rangeText(message.range)}`
    case 'catchupReply': {
      const truncated = message.truncatedUpTo === 0 ? '' : ` truncated up to ${message.truncatedUpTo}`
      return `catchupReply [${entriesText(message.entries)}]${truncated}`
    }
    case 'readIndex':
      return `readIndex #${message.id % 2 ** 32}`
    case 'readIndexReply':
      return `readIndexReply #${message.id % 2 ** 32} ${message.upTo ?? 'refused'}`
    default:
      return `${message.kind}${ballot}`
  }
}

/** Unlike `formatBallot` this tells two incarnations of one proposer apart. */
export function ballotKey({ epoch, round, node, incarnation, sub }: Ballot): string {
  return `${epoch}.${round}.${node}.${incarnation}.${sub}`
}

function promiseText(promise: Extract<Message, { kind: 'promise' }>): string {
  const { truncatedUpTo, chosenUpTo, votes, unknown, part, parts } = promise
  const listed = votes.map((vote) => {
    const chosen = vote.chosen ? '!' : ''
    return `${vote.slot}=${formatEntry(vote.entry)}@${formatBallot(vote.ballot)}${chosen}`
  })
  return [
    parts > 1 ? ` part ${part + 1}/${parts}` : '',
    ` chosen up to ${chosenUpTo}`,
    truncatedUpTo === 0 ? '' : ` truncated up to ${truncatedUpTo}`,
    ` votes [${listed.join(' ')}]`,
    unknown.length === 0 ? '' : ` unknown [${unknown.join(' ')}]`,
  ].join('')
}

function entriesText(entries: readonly { readonly slot: number; readonly entry: Entry }[]): string {
  return entries.map(({ slot, entry }) => `${slot}=${formatEntry(entry)}`).join(' ')
}

function rangeText(range: SlotRange | Decided): string {
  return `[${range.from}, ${'to' in range ? range.to : range.upTo})`
}

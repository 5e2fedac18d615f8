import type { NodeId } from '../protocol/ids.ts'
import type { Outcome } from './peer-message.ts'

interface NumberedOutcome {
  readonly id: number
  readonly outcome: Outcome
}

/** Answers in one message to the node that forwarded the requests; a single larger one still goes, alone. */
const messageBytesMax = 1024 * 1024

/** Answers to requests that other nodes forwarded, gathered over a turn. */
export class Outcomes {
  readonly #byNode = new Map<NodeId, NumberedOutcome[]>()

  add(to: NodeId, id: number, outcome: Outcome): void {
    const outcomes = this.#byNode.get(to)
    if (outcomes === undefined) this.#byNode.set(to, [{ id, outcome }])
    else outcomes.push({ id, outcome })
  }

  /** Hands out everything, in parts that fit a message. */
  take(send: (to: NodeId, outcomes: readonly NumberedOutcome[]) => void): void {
    if (this.#byNode.size === 0) return
    for (const [to, outcomes] of this.#byNode) {
      let part: NumberedOutcome[] = []
      let bytes = 0
      for (const each of outcomes) {
        const size = outcomeBytes(each.outcome)
        if (part.length > 0 && bytes + size > messageBytesMax) {
          send(to, part)
          part = []
          bytes = 0
        }
        part.push(each)
        bytes += size
      }
      send(to, part)
    }
    this.#byNode.clear()
  }
}

/** About what an outcome takes in a message. */
function outcomeBytes(outcome: Outcome): number {
  let bytes = 64
  if (outcome.kind !== 'replied' || outcome.reply.kind !== 'txn') return bytes
  for (const result of outcome.reply.results) {
    bytes += 16
    if (result.kind === 'get') for (const item of result.items) bytes += 64 + item.key.length + item.value.length
  }
  return bytes
}

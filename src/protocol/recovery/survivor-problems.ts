/** Whether the nodes that are left can be of one history at all. What they say is input: nothing here asserts. */
import { equalBytes } from '../../base/bytes.ts'
import { compareBallots } from '../ballot.ts'
import { sameEntry } from '../entry.ts'
import type { Epoch } from '../epoch.ts'
import { encodeEpoch } from '../epoch-codec.ts'
import type { EpochNumber, Slot } from '../ids.ts'
import type { Vote } from '../multipaxos/message.ts'
import type { Survivor } from './survivor.ts'

/** Why no plan can be made from them, in words; empty when one can. */
export function survivorProblems(survivors: readonly Survivor[]): string[] {
  return [
    ...clusterProblems(survivors),
    ...twinProblems(survivors),
    ...copyProblems(survivors),
    ...epochProblems(survivors),
    ...voteProblems(survivors),
  ]
}

function clusterProblems(survivors: readonly Survivor[]): string[] {
  const ids = new Set(survivors.map(({ clusterId }) => clusterId))
  if (ids.size <= 1) return []
  const each = survivors.map(({ name, clusterId }) => `${name} is of ${clusterId}`).join(', ')
  return [`They are of different clusters: ${each}. One of them may have been recovered already.`]
}

function twinProblems(survivors: readonly Survivor[]): string[] {
  const ids = survivors.map(({ id }) => id)
  const twice = survivors.filter(({ id }, at) => ids.indexOf(id) !== at)
  return twice.map(({ name }) => `${name} is given twice: of two copies of a node only the newest may be used.`)
}

/** As for a node that comes back (`admission.ts`): whoever does not know an incarnation in which others met it has forgotten. */
function copyProblems(survivors: readonly Survivor[]): string[] {
  return survivors.flatMap((survivor) => {
    const witnesses = survivors.flatMap(({ name, met }) =>
      met.filter(({ node }) => node === survivor.id).map((each) => ({ witness: name, each })),
    )
    const against = witnesses.find(({ each }) => !isKnown(survivor, each))
    if (against === undefined) return []
    const { witness, each } = against
    return [
      `${survivor.name} is an older or another copy: ${witness} met it in incarnation ${each.incarnation}, which it does not know.`,
    ]
  })
}

function isKnown({ diskId, incarnations }: Survivor, met: Survivor['met'][number]): boolean {
  if (met.diskId !== diskId) return false
  const last = incarnations.at(-1)
  if (last === undefined || last.incarnation < met.incarnation) return false
  const [first] = incarnations
  // An earlier build noted no id; or it is so long ago that the node does not remember it. Nobody can tell.
  if (met.incarnationId === '' || (first !== undefined && met.incarnation < first.incarnation)) return true
  return incarnations.some(
    ({ incarnation, incarnationId }) => incarnation === met.incarnation && incarnationId === met.incarnationId,
  )
}

function epochProblems(survivors: readonly Survivor[]): string[] {
  const first = new Map<EpochNumber, { readonly epoch: Epoch; readonly name: string }>()
  const problems: string[] = []
  for (const { name, epochs } of survivors) {
    for (const epoch of epochs) {
      const known = first.get(epoch.number)
      if (known === undefined) first.set(epoch.number, { epoch, name })
      else if (!equalBytes(encodeEpoch(known.epoch), encodeEpoch(epoch))) {
        problems.push(`${known.name} and ${name} know different epochs ${epoch.number}.`)
      }
    }
  }
  return problems
}

/** Two entries at one ballot, or two that are known chosen, cannot be in one slot of one history. */
function voteProblems(survivors: readonly Survivor[]): string[] {
  const bySlot = new Map<string, { readonly vote: Vote; readonly name: string }[]>()
  const problems: string[] = []
  for (const { name, logs } of survivors) {
    for (const { epoch, votes } of logs) {
      for (const vote of votes) {
        const key = `${epoch}/${vote.slot}`
        const others = bySlot.get(key) ?? []
        const other = others.find((each) => contradict(each.vote, vote))
        if (other !== undefined) problems.push(contradiction(other.name, name, vote.slot))
        bySlot.set(key, [...others, { vote, name }])
      }
    }
  }
  return problems.slice(0, 5)
}

function contradict(a: Vote, b: Vote): boolean {
  const mustAgree = (a.chosen && b.chosen) || (!a.chosen && !b.chosen && compareBallots(a.ballot, b.ballot) === 0)
  return mustAgree && !sameEntry(a.entry, b.entry)
}

function contradiction(a: string, b: string, slot: Slot): string {
  return `${a} and ${b} contradict each other in slot ${slot}: one of them is damaged, or of another history.`
}

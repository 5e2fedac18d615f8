import { commandInWords } from '../log-table.ts'
import { count, table } from '../output.ts'
import type { LossJson, RecoveryJson, SlotJson } from './recovery-json.ts'

const meanings = {
  chosen: 'proved chosen',
  possible: 'may be chosen; kept',
  unchosen: 'proved not chosen; kept all the same',
  empty: 'proved empty; a no-op',
  unseen: 'no vote is left; a no-op',
  lost: 'chosen for certain, and nobody has it',
} as const satisfies Record<SlotJson['class'], string>

const commandsMax = 3
const slotsMax = 200

export function renderRecovery(found: RecoveryJson): string {
  const { epoch, q1, q2, acceptors, survivors, from, slots, dead, next, members } = found
  const head = `epoch ${epoch}: ${acceptors.left} of ${acceptors.all} acceptors are left; q1 ${q1}, q2 ${q2}; dead: ${dead.join(', ') || 'nobody'}`
  const who = table(survivors, [
    { title: 'SURVIVOR', value: ({ member, kind }) => (kind === 'learner' ? `${member} (learner)` : member) },
    { title: 'APPLIED', align: 'right', value: ({ applied }) => String(applied) },
    { title: 'CHOSEN', align: 'right', value: ({ chosen }) => String(chosen) },
    { title: 'REACHES', align: 'right', value: ({ reach }) => String(reach) },
    { title: 'PROMISED', align: 'right', value: ({ promised }) => promised ?? '-' },
    { title: 'NEEDS', value: ({ needs, best }) => (best ? 'nothing: best' : `${needs} of the others`) },
    { title: 'READ FROM', value: ({ source }) => source },
  ])
  return [
    head,
    '',
    who,
    '',
    `every slot below ${from} is chosen and kept`,
    ...(slots.length === 0 ? [] : [renderSlots(slots)]),
    ...lossInWords(found.loss),
    `then: epoch ${next.epoch} from slot ${next.startSlot} on, with ${members.map(({ name }) => name).join(', ')}; q1 ${next.q1}, q2 ${next.q2}`,
  ].join('\n')
}

function renderSlots(slots: readonly SlotJson[]): string {
  const rows = table(slots.slice(0, slotsMax), [
    { title: 'SLOT', align: 'right', value: ({ slot }) => String(slot) },
    { title: 'BALLOT', align: 'right', value: ({ ballot }) => ballot ?? '-' },
    { title: 'VOTED', value: ({ voters }) => voters.join(' ') || '-' },
    {
      title: 'WHAT IS KNOWN',
      value: (row) => meanings[row.class],
      style: ({ class: kind, mayDiffer }) => (kind === 'lost' ? 'red' : mayDiffer ? 'yellow' : undefined),
    },
    { title: 'LOSS', value: ({ mayDiffer }) => (mayDiffer ? 'possible' : 'none') },
    { title: 'GETS', value: inWords },
  ])
  return slots.length > slotsMax ? `${rows}\n… ${count(slots.length, 'slot')} in all (--json has them)` : rows
}

function inWords({ kind, commands = [] }: SlotJson): string {
  if (kind !== 'batch') return kind ?? '-'
  const more = commands.length > commandsMax ? [`… ${commands.length} in all`] : []
  return [...commands.slice(0, commandsMax).map(commandInWords), ...more].join('; ')
}

export function lossInWords({ possible, slots, from, raisedBy }: LossJson): readonly string[] {
  if (!possible) return ['nothing that was acknowledged is lost: whatever is chosen has a vote that is left']
  return [
    ...(slots.length === 0
      ? []
      : [
          `in ${count(slots.length, 'slot')} of these the dead alone may have chosen something else, which is lost then`,
        ]),
    ...(from === null
      ? []
      : [`from slot ${from} on the dead alone may have chosen more, and nothing can say what: it is lost`]),
    `so that no lost revision or session number is given twice, both go on ${raisedBy.toLocaleString('en-US')} higher, and older revisions are compacted`,
  ]
}

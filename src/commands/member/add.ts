import * as Args from '@oclif/core/args'
import * as Flags from '@oclif/core/flags'
import { PaxosError } from '../../base/error.ts'
import { waitUntilCaughtUp } from '../../cli/catch-up.ts'
import { changeFlags, EpochCommand, membersOf } from '../../cli/epoch-change.ts'
import { duration } from '../../cli/flags.ts'
import type { EpochChangeJson, EpochJson, WantedEpochJson } from '../../wire/api-types.ts'

const promoteWithinMs = 600_000

export default class MemberAdd extends EpochCommand {
  static override summary = 'Let a new node in: as a learner, and to vote once it has caught up.'
  static override description =
    `Start the node first, with an empty data directory: paxos node start --name NAME --join ANY_MEMBER:7601 … It waits. The leader looks it up at --address before anything is changed: an address that is wrong, or a node of another name or with a past, is refused. Then it becomes a learner, fetches the data, and votes when it has nearly all of it. If it does not catch up in time it is taken out again, unless a learner is all that was wanted. When this command is interrupted, run it again: it goes on from where it was.`

  static override examples = [
    '<%= config.bin %> <%= command.id %> n4 --address 10.0.0.4:7701 --dry-run',
    '<%= config.bin %> <%= command.id %> n4 --address 10.0.0.4:7701 --yes',
    '<%= config.bin %> <%= command.id %> reader1 --address 10.0.0.9:7701 --learner --yes',
  ]

  static override args = {
    name: Args.string({ required: true, description: 'Name of the new node.', ignoreStdin: true }),
  }
  static override flags = {
    ...changeFlags,
    address: Flags.string({ required: true, summary: 'Peer address of the new node.', helpValue: '<host:port>' }),
    learner: Flags.boolean({ summary: 'Leave it a learner: it has the data, serves clients, and never votes.' }),
    'catch-up-within': duration({
      summary: 'Longest wait until it has caught up.',
      default: promoteWithinMs,
      defaultHelp: async () => '10m',
    }),
  }

  async run(): Promise<EpochChangeJson | { changed: false }> {
    const { args, flags } = await this.parse(MemberAdd)
    const { name } = args
    const joined = await this.change(flags, (current) => withLearner(current, name, flags.address), `Let ${name} in?`)
    if (flags['dry-run']) return joined ?? { changed: false }
    const { admin, endpoints } = await this.admin(flags)
    const say = (text: string): void => this.remark(text)
    try {
      await waitUntilCaughtUp(admin, name, { endpoints, timeoutMs: flags['catch-up-within'], say })
    } catch (error) {
      const isLate = error instanceof PaxosError && error.code === 'TIMEOUT'
      if (!isLate || joined === undefined || flags.learner) throw error
      await this.#takeBack(flags, name)
      throw new PaxosError('TIMEOUT', error.message, {
        hint: `${name} was taken out again. Start it anew with an empty directory and \`paxos node start --join\`, and give it longer with --catch-up-within.`,
        cause: error,
      })
    }
    if (flags.learner) return joined ?? { changed: false }
    const promoted = await this.change({ ...flags, yes: true }, (current) => withAcceptor(current, name), '')
    return promoted ?? joined ?? { changed: false }
  }

  async #takeBack(flags: Parameters<EpochCommand['change']>[0], name: string): Promise<void> {
    this.remark(`taking ${name} out again`)
    const without = (current: EpochJson): WantedEpochJson => ({
      after: current.epoch,
      members: membersOf(current).filter((member) => member.name !== name),
    })
    await this.change({ ...flags, yes: true }, without, '')
  }
}

function withLearner(current: EpochJson, name: string, peerAddress: string): WantedEpochJson | string {
  const known = current.members.find((member) => member.name === name)
  if (known === undefined) {
    return { after: current.epoch, members: [...membersOf(current), { name, peerAddress, kind: 'learner' }] }
  }
  if (known.peerAddress === peerAddress) return `${name} is a member already, as ${known.kind}`
  throw new PaxosError('PRECONDITION_FAILED', `${name} is a member already, at ${known.peerAddress}`, {
    hint: 'Choose another name, or remove that member first.',
  })
}

function withAcceptor(current: EpochJson, name: string): WantedEpochJson | string {
  const members = membersOf(current)
  if (members.some((member) => member.name === name && member.kind === 'acceptor')) return `${name} votes already`
  return {
    after: current.epoch,
    members: members.map((member) => (member.name === name ? { name, kind: 'acceptor' } : member)),
  }
}

import type { Hook } from '@oclif/core/hooks'
import { toConfiguredId } from '@oclif/core/util/ids'
import { PaxosError } from '../base/error.ts'
import { nearest } from '../base/nearest.ts'
import { describeFailure } from './failure.ts'

/**
 * Suggests what was probably meant and stops there: it neither asks nor runs the guess, which might be a command that
 * deletes.
 */
const notFound: Hook.CommandNotFound = async ({ config, id, argv }) => {
  const typed = toConfiguredId(id, config)
  const visible = config.commands.filter((command) => command.hidden !== true)
  const names = [...visible.map((command) => command.id), ...config.topics.map((topic) => topic.name)]
  // What follows the command is in `id`, too; the longest part that is like a command is what was meant.
  const words = typed.split(' ')
  const candidates = names.map((name) => toConfiguredId(name, config))
  const meant = words.map((_, at) => nearest(words.slice(0, words.length - at).join(' '), candidates)).find(Boolean)
  const hint =
    meant === undefined
      ? `Run \`${config.bin} help\` for all commands.`
      : `Did you mean \`${config.bin} ${meant}\`? Run \`${config.bin} help\` for all commands.`
  const error = new PaxosError('USAGE', `"${typed}" is not a command`, { hint })
  const failure = describeFailure(error, '')
  if (argv?.includes('--json')) {
    const { code, message } = error
    process.stdout.write(`${JSON.stringify({ error: { code, message, hint } }, null, 2)}\n`)
  } else {
    process.stderr.write(`Error: ${error.message}\n${hint}\n`)
  }
  process.exitCode = failure?.exit ?? 2
}

export default notFound

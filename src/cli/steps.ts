/** Steps of a long command: shown by listr2 on a terminal, as plain lines elsewhere, not at all under `--json`. */
import { isLive } from './output.ts'

export interface Step {
  readonly title: string
  /** `say` tells how far it is. */
  run(say: (text: string) => void): Promise<void> | void
}

export interface StepsOptions {
  readonly silent: boolean
  readonly stream?: NodeJS.WriteStream
}

/** Runs them one after the other. The first error ends it, and is told once, by the command. */
export async function runSteps(
  steps: readonly Step[],
  { silent, stream = process.stdout }: StepsOptions,
): Promise<void> {
  if (!silent && isLive(stream)) {
    const { Listr } = await import('listr2')
    await new Listr(
      steps.map(({ title, run }) => ({
        title,
        task: async (_, task) => {
          await run((text) => {
            task.output = text
          })
        },
      })),
      {
        renderer: 'default',
        rendererOptions: { showErrorMessage: false, collapseErrors: false },
        registerSignalListeners: false,
      },
    ).run()
    return
  }
  for (const { title, run } of steps) {
    const say = (text: string): void => void (silent || process.stderr.write(`${text}\n`))
    say(`${title} …`)
    await run((text) => say(`  ${text}`))
  }
}

import { Command } from '@oclif/core/command'
import * as Flags from '@oclif/core/flags'
import { describeFailure, exitOf } from './failure.ts'
import { paint } from './output.ts'

/**
 * What every command shares. Data goes to stdout, remarks and errors to stderr; `--json` changes the form of what is
 * said, never the exit status.
 */
export abstract class BaseCommand extends Command {
  static override enableJsonFlag = true
  static override baseFlags = {
    'no-color': Flags.boolean({ summary: 'Print without colours, as with NO_COLOR.', helpGroup: 'GLOBAL' }),
  }

  readonly #cleanups: (() => unknown)[] = []

  /** Runs when the command ends, however it ends; the last one registered first. */
  protected onEnd(cleanup: () => unknown): void {
    this.#cleanups.push(cleanup)
  }

  /** For people: says what is going on, on stderr, and nothing under --json. */
  protected remark(text: string): void {
    this.logToStderr(text)
  }

  /** The answer was given, and it is bad: a status, not an error. */
  protected endWith(exit: number): void {
    process.exitCode = exit
  }

  /**
   * Prints the error and sets the exit status. It does not throw again: oclif would print a second time, and under
   * --json it would lose the status of its own errors (oclif/core#1423).
   */
  protected override catch(error: Error): Promise<void> {
    process.exitCode = exitOf(error)
    const failure = describeFailure(error, `${this.config.bin} ${this.id?.replaceAll(':', ' ') ?? ''} --help`)
    if (failure === undefined) return Promise.resolve()
    const { code, message, hint, stack } = failure
    if (this.jsonEnabled()) {
      this.logJson({ error: { code, message, ...(hint === undefined ? {} : { hint }) } })
      return Promise.resolve()
    }
    process.stderr.write(`${paint('red', 'Error:', process.stderr)} ${message}\n`)
    if (stack !== undefined) process.stderr.write(`${stack}\n`)
    if (hint !== undefined) process.stderr.write(`${hint}\n`)
    return Promise.resolve()
  }

  protected override async finally(error: Error | undefined): Promise<void> {
    for (const cleanup of this.#cleanups.reverse()) await cleanup()
    await super.finally(error)
  }

  override logJson(json: unknown): void {
    process.stdout.write(`${JSON.stringify(json, null, 2)}\n`)
  }
}

/** What was done to the cluster and when, and what must not have happened. */
export class FaultLog {
  readonly #beganAt = performance.now()
  readonly #lines: string[] = []
  readonly #counts = new Map<string, number>()
  readonly #problems: string[] = []

  note(fault: string, target: string, details: object = {}): void {
    this.#counts.set(fault, this.count(fault) + 1)
    this.#lines.push(JSON.stringify({ atMs: Math.round(performance.now() - this.#beganAt), fault, target, ...details }))
  }

  problem(text: string): void {
    this.#problems.push(text)
    this.note('problem', text)
  }

  count(fault: string): number {
    return this.#counts.get(fault) ?? 0
  }

  get counts(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1)))
  }

  get problems(): readonly string[] {
    return this.#problems
  }

  /** One JSON object a line. */
  get text(): string {
    return [...this.#lines, ''].join('\n')
  }
}

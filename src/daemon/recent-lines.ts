/** The newest lines that fit into a number of characters, in the order in which they came. */
export class RecentLines {
  readonly #charactersMax: number
  #lines: string[] = []
  #first = 0
  #characters = 0

  constructor(charactersMax: number) {
    this.#charactersMax = charactersMax
  }

  /** With its newline. */
  add(line: string): void {
    this.#lines.push(line)
    this.#characters += line.length
    while (this.#characters > this.#charactersMax) this.#characters -= this.#lines[this.#first++]?.length ?? 0
    // Now and then, not with each line: removing from the front costs as much as there is.
    if (this.#first > this.#lines.length / 2) {
      this.#lines = this.#lines.slice(this.#first)
      this.#first = 0
    }
  }

  text(): string {
    return this.#lines.slice(this.#first).join('')
  }
}

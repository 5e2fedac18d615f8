import type { NodeId } from '../protocol/ids.ts'

interface Question<Answer> {
  readonly answers: Map<NodeId, Answer>
  readonly wanted: number
  readonly deadline: number
  readonly done: (answers: ReadonlyMap<NodeId, Answer>) => void
}

/** Questions to several members: `done` gets what was answered, once all have or the time is up. */
export class Poll<Answer> {
  readonly #questions = new Map<number, Question<Answer>>()
  #id = 0

  /** `own` are the answers that are there already, `wanted` how many there can be. The id goes with the question. */
  ask(own: ReadonlyMap<NodeId, Answer>, wanted: number, deadline: number, done: Question<Answer>['done']): number {
    this.#id++
    this.#questions.set(this.#id, { answers: new Map(own), wanted, deadline, done })
    this.#settle(this.#id)
    return this.#id
  }

  onAnswer(from: NodeId, id: number, answer: Answer): void {
    this.#questions.get(id)?.answers.set(from, answer)
    this.#settle(id)
  }

  onTick(now: number): void {
    for (const [id, question] of this.#questions) {
      if (question.deadline > now) continue
      this.#questions.delete(id)
      question.done(question.answers)
    }
  }

  #settle(id: number): void {
    const question = this.#questions.get(id)
    if (question === undefined || question.answers.size < question.wanted) return
    this.#questions.delete(id)
    question.done(question.answers)
  }
}

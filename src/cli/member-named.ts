import { PaxosError } from '../base/error.ts'

interface Named {
  readonly id: string
  readonly name: string
}

/** The member with this name or id. Throws PaxosError NOT_FOUND, naming those that there are. */
export function memberNamed<M extends Named>({ members }: { readonly members: readonly M[] }, wanted: string): M {
  const found = members.find(({ name, id }) => name === wanted || id === wanted)
  if (found !== undefined) return found
  throw new PaxosError('NOT_FOUND', `There is no member ${JSON.stringify(wanted)}`, {
    hint: `Members are ${members.map(({ name }) => name).join(', ')}.`,
  })
}

/** A change of one module's text. `find` must be in it exactly once. */
export interface Patch {
  /** Below `src/`. */
  readonly file: string
  readonly find: string
  readonly replace: string
}

/** A mistake that the proof must notice. */
export interface Bug {
  readonly name: string
  /** What is done wrong, for the table. */
  readonly what: string
  readonly patches: readonly Patch[]
}

/** The text with the patches in it. Throws when one does not match exactly once: then nothing would be planted. */
export function plant(source: string, patches: readonly Patch[]): string {
  return patches.reduce((text, { file, find, replace }) => {
    const parts = text.split(find)
    if (parts.length !== 2) throw new Error(`"${find}" is in ${file} ${parts.length - 1} times, not once`)
    return parts.join(replace)
  }, source)
}

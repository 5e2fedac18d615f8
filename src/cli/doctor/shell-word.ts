/** Text as one word of a shell: quoted unless it is plain. Names of files come from nodes, and commands are copied. */
export function shellWord(text: string): string {
  return /^[\w./:@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}

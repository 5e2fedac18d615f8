/** Imported before a test with a priority of the operating system as the query: `--import ./test/priority.ts?10`. */
import { setPriority } from 'node:os'

setPriority(Number(new URL(import.meta.url).search.slice(1)))

/** Loaded with `--import …/lie.ts?name=N` into a node that is to lie to its clients as N says. */
import { findLie } from '../lies.ts'
import { plantOnLoad } from './plant-on-load.ts'

plantOnLoad(findLie(new URL(import.meta.url).searchParams.get('name') ?? '').patches)

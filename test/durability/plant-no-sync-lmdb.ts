/** Loaded with `--import` into a node that is to be wrong: LMDB commits without flushing. */
import { plant } from './plant.ts'

plant('/daemon/store/environment.js', 'noSync: false', 'noSync: true')

/** Loaded with `--import` into a node that is to be wrong: the journal is written and not flushed. */
import { plant } from './plant.ts'

plant('/daemon/store/journal.js', 'constants.O_RDWR | constants.O_DSYNC', 'constants.O_RDWR')

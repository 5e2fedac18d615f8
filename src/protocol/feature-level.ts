/**
 * What all members of a cluster are known to understand: message fields, commands, formats. A version speaks the levels of a
 * range; a cluster is at one of them, which is part of its epoch, and rises only when an operator finalizes an upgrade. So
 * two versions can work side by side, and a version can be taken back until then.
 *
 * Something that an older version would misread is used only when the epoch's level allows it. Raise `max` with such a change;
 * raise `min` when no upgrade from there is supported any more.
 */
export interface FeatureLevels {
  readonly min: number
  readonly max: number
}

/** Level 1 is all that the first version understood, with the counters that a recovery's stop sign raises. */
export const featureLevels: FeatureLevels = { min: 1, max: 2 }

/** From this level on requests and stop signs may say who asked for them, and the machine keeps an audit trail. */
export const auditLevel = 2

/** Why this version cannot take part in an epoch of this level; undefined when it can. */
export function featureProblem(level: number, { min, max }: FeatureLevels = featureLevels): string | undefined {
  const known = min === max ? `level ${max}` : `levels ${min} to ${max}`
  if (level > max) return `The cluster is at feature level ${level}, and this version knows ${known}: it is too old`
  if (level < min) return `The cluster is at feature level ${level}, and this version knows ${known}: it is too new`
  return undefined
}

/** What to do about it. */
export function featureHint(level: number, { max }: FeatureLevels = featureLevels): string {
  return level > max
    ? 'Run the version that the other members run, or a newer one.'
    : 'Upgrade in steps: first to a version between, and finalize there.'
}

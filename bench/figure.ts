export interface Target {
  /** As a sentence in the table: `≥ 2.5 × etcd`. */
  readonly text: string
  readonly of: 'ratio' | 'value'
  readonly atLeast?: number
  readonly atMost?: number
}

/** One line of the table. */
export interface Figure {
  readonly id: string
  readonly name: string
  readonly unit: string
  /** Median of the rounds, unless `detail` says otherwise. */
  readonly ours: number
  /** What it is set against: etcd in the same run, or something else of ours. */
  readonly other?: number | undefined
  readonly otherName?: string | undefined
  readonly target?: Target | undefined
  /** Every round, or whatever else is worth keeping. */
  readonly detail?: Readonly<Record<string, unknown>> | undefined
}

export function ratioOf({ ours, other }: Figure): number | undefined {
  return other === undefined || other === 0 ? undefined : ours / other
}

/** Undefined when there is no target, or nothing to compare with. */
export function meets(figure: Figure): boolean | undefined {
  const { target } = figure
  const value = target?.of === 'value' ? figure.ours : ratioOf(figure)
  if (target === undefined || value === undefined) return undefined
  return value >= (target.atLeast ?? Number.NEGATIVE_INFINITY) && value <= (target.atMost ?? Number.POSITIVE_INFINITY)
}

import { type QuorumSizes, quorumProblem } from '../../protocol/quorum.ts'

/** Valid sizes for as many members that differ least from those wanted, by the sum of differences; at most four. */
export function nearestSizes(wanted: QuorumSizes): readonly QuorumSizes[] {
  const { n } = wanted
  let nearest: QuorumSizes[] = []
  let least = Number.POSITIVE_INFINITY
  for (const sizes of allSizes(n, wanted.q2f !== undefined)) {
    if (quorumProblem(sizes) !== undefined) continue
    const distance = differences(sizes, wanted)
    if (distance < least) {
      least = distance
      nearest = []
    }
    if (distance === least) nearest.push(sizes)
  }
  return nearest.slice(0, shownMax)
}

const shownMax = 4

function* allSizes(n: number, isFast: boolean): Generator<QuorumSizes> {
  for (let q1 = 1; q1 <= n; q1++) {
    for (let q2 = 1; q2 <= n; q2++) {
      if (!isFast) yield { n, q1, q2 }
      else for (let q2f = 1; q2f <= n; q2f++) yield { n, q1, q2, q2f }
    }
  }
}

function differences(a: QuorumSizes, b: QuorumSizes): number {
  return Math.abs(a.q1 - b.q1) + Math.abs(a.q2 - b.q2) + Math.abs((a.q2f ?? 0) - (b.q2f ?? 0))
}

// Latency budget: how long an answer may take, from the frame read to the answer written (docs/performance.md): the line that operators see.

export const answerBudget = { p99Ms: 1, p999Ms: 3 } as const

/** The fewest answers that a p99 is judged by: of fewer it is the slowest few, and says nothing. */
export const answersToJudge = { inSecond: 100, inMinute: 1_000 } as const

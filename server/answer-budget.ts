// How long an answer may take, from the frame read to the answer written (docs/performance.md): the line that operators see.

export const answerBudget = { p99Ms: 1, p999Ms: 3 } as const

// Graceful interruption. Signals that end a long command early (SIGINT, SIGTERM; SIGHUP ends nothing): the first is obeyed in order, so that
// what was done is told; the second ends the process at once. The exit code is 130 either way, as shells have it after Ctrl-C.

export const exitInterrupted = 130

const signals = ['SIGINT', 'SIGTERM'] as const

type Interruption = {
  /** Aborted by the first signal. */
  readonly signal: AbortSignal
  /** Listens no more. */
  readonly stop: () => void
}

/** Listens from now on; `said` hears of the first signal. */
export function interruption(said: (text: string) => void = () => undefined): Interruption {
  const controller = new AbortController()
  const heard = (name: NodeJS.Signals): void => {
    if (controller.signal.aborted) process.exit(exitInterrupted)
    said(`bandpass: ${name}: ends in order and tells what was done; once more ends at once\n`)
    controller.abort()
  }
  for (const name of signals) process.on(name, heard)
  return {
    signal: controller.signal,
    stop: () => {
      for (const name of signals) process.removeListener(name, heard)
    },
  }
}

/** Work that cannot be ended in the middle: a signal ends the process at once, after it was said what that leaves behind. */
export async function untilSignal<Result>(leaves: string, work: () => Promise<Result>): Promise<Result> {
  const heard = (name: NodeJS.Signals): void => {
    process.stderr.write(`bandpass: interrupted by ${name}: ${leaves}\n`)
    process.exit(exitInterrupted)
  }
  for (const name of signals) process.on(name, heard)
  try {
    return await work()
  } finally {
    for (const name of signals) process.removeListener(name, heard)
  }
}

// The clock and the timers of the page: the one file of this folder that touches them.

/** Now by the reader's own clock, ms since 1970. What the engine says has the engine's time; see live.ts. */
export function nowMs(): number {
  return Date.now()
}

/** Calls once after a while; the answer takes it back. */
export function after(delayMs: number, call: () => void): () => void {
  const timer = setTimeout(call, delayMs)
  return () => clearTimeout(timer)
}

/** Calls again and again; the answer stops it. */
export function every(intervalMs: number, call: () => void): () => void {
  const timer = setInterval(call, intervalMs)
  return () => clearInterval(timer)
}

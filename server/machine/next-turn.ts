// Cooperative yield. A pause for long work on the thread that answers: what waits on sockets, timers and the disk comes first.

export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

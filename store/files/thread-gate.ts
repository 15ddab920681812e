// A gate (a lock in shared memory) that the end of the process closes: a thread is inside it while native code works for it. `process.exit` ends
// threads wherever they are. One that is in a transaction of LMDB keeps its mutex, and the process waits for it for ever, or crashes
// (lmdb-js 3.5.6: `cleanupStrayTxns`).

/** How long the end of the process waits for a thread, ms, and how often: a write of the view is tens of them, on a slow disk some hundreds. */
const closing = { waitMs: 100, waitsMax: 50 } as const

/** What the one word of the gate says. */
const states = { free: 0, inside: 1, closed: 2 } as const

/** Shared with the thread, which is inside from its start until it says otherwise. */
export type GateWord = Int32Array<SharedArrayBuffer>

export function isGateWord(value: unknown): value is GateWord {
  return value instanceof Int32Array && value.buffer instanceof SharedArrayBuffer
}

const open = new Set<GateWord>()

/** For the thread that ends the process. `remove` when the other one is gone. */
export function createGate(): { readonly word: GateWord; readonly remove: () => void } {
  const word = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
  word[0] = states.inside
  if (open.size === 0) process.on('exit', closeAll)
  open.add(word)
  const remove = (): void => {
    open.delete(word)
    if (open.size === 0) process.off('exit', closeAll)
  }
  return { word, remove }
}

/** For the other thread: goes in; does not return when the process ends. */
export function goIn(word: GateWord): void {
  if (Atomics.compareExchange(word, 0, states.free, states.inside) === states.closed) {
    Atomics.wait(word, 0, states.closed)
  }
}

/** For the other thread: it is in no native code any more. */
export function goOut(word: GateWord): void {
  Atomics.compareExchange(word, 0, states.inside, states.free)
  Atomics.notify(word, 0)
}

function closeAll(): void {
  for (const word of open) close(word)
}

function close(word: GateWord): void {
  for (let waits = 0; waits < closing.waitsMax; waits++) {
    if (Atomics.compareExchange(word, 0, states.free, states.closed) !== states.inside) return
    Atomics.wait(word, 0, states.inside, closing.waitMs)
  }
}

// Bounded send queue of a band's radio, in fragments of its MTU (PROTOCOL §6). The radio is the app's, so nothing of it is trusted: a
// write that throws, rejects or hangs is a fragment lost on the air. The band drops the record, and sealed records bear loss.

import type { Bytes } from '../../base/bytes.ts'
import { fragment } from '../../protocol/fragments.ts'
import { mtuMax, mtuMin } from '../../protocol/limits.ts'
import type { PhoneClock } from './phone-clock.ts'
import { PhoneError, textOf } from './phone-errors.ts'
import { answerWithin, defaultTimeouts } from './phone-timeouts.ts'

/** A band's GATT service, as the app's Bluetooth library offers it (PROTOCOL §6). */
export type BandRadio = {
  /** 23 to 517, read anew for every record. A larger one counts as 517, a broken one as its whole part; less is refused. */
  readonly mtu: number
  /** Writes one fragment to RX, without response. One that throws, rejects or takes too long is lost on the air. */
  readonly send: (fragment: Uint8Array<ArrayBuffer>) => void | Promise<void>
  /** Calls back for each notification of TX; returns what stops that. */
  readonly onFragment: (listener: (fragment: Uint8Array) => void) => () => void
}

type Fragments = readonly Uint8Array<ArrayBuffer>[]
/** A fragment on its way, which resolves with whether it left, and what follows it. */
type Pending = { readonly left: Promise<boolean>; readonly rest: Fragments }

/** Longest queue of records for a slow radio; more are dropped, as if lost on the air. */
export const recordsWaitingMax = 64

export class RadioWriter {
  readonly #radio: BandRadio
  readonly #clock: PhoneClock
  readonly #fragmentMs: number
  #waiting: Uint8Array<ArrayBuffer>[] = []
  #isWriting = false
  #isClosed = false

  /** `fragmentMs`: how long the radio may take for one fragment. */
  constructor(parts: { readonly radio: BandRadio; readonly clock: PhoneClock; readonly fragmentMs?: number }) {
    this.#radio = parts.radio
    this.#clock = parts.clock
    this.#fragmentMs = parts.fragmentMs ?? defaultTimeouts.fragmentMs
  }

  /** Never throws. Fragments of one record stay together; a radio that answers with promises is waited for. */
  write(record: Bytes): void {
    if (this.#isClosed) return
    if (this.#isWriting) {
      if (this.#waiting.length < recordsWaitingMax) this.#waiting.push(record.slice())
      return
    }
    // Also while it writes at once: a radio may call back before `send` returns.
    this.#isWriting = true
    const pending = this.#writeNow(this.#cut(record)) ?? this.#writeWaiting()
    if (pending === undefined) this.#isWriting = false
    else void this.#writeOn(pending)
  }

  close(): void {
    this.#isClosed = true
    this.#waiting = []
  }

  /** Writes as far as the radio takes fragments at once. */
  #writeNow(fragments: Fragments): Pending | undefined {
    for (const [index, one] of fragments.entries()) {
      if (this.#isClosed) return undefined
      try {
        const written: unknown = this.#radio.send(one)
        if (written === undefined) continue
        return { left: this.#leaves(written), rest: fragments.slice(index + 1) }
      } catch {
        return undefined
      }
    }
    return undefined
  }

  async #writeOn(first: Pending): Promise<void> {
    let pending: Pending | undefined = first
    while (pending !== undefined) {
      const left: boolean = await pending.left
      pending = left ? this.#writeNow(pending.rest) : undefined
      pending ??= this.#writeWaiting()
    }
    this.#isWriting = false
  }

  #writeWaiting(): Pending | undefined {
    for (let record = this.#waiting.shift(); record !== undefined; record = this.#waiting.shift()) {
      const pending = this.#writeNow(this.#cut(record))
      if (pending !== undefined) return pending
    }
    return undefined
  }

  async #leaves(written: unknown): Promise<boolean> {
    const late = new PhoneError('band-unreachable', { about: `no write within ${this.#fragmentMs} ms` })
    try {
      await answerWithin(this.#clock, this.#fragmentMs, late, () => written)
      return true
    } catch {
      return false
    }
  }

  #cut(record: Bytes): Fragments {
    const mtu = mtuOf(this.#radio)
    return typeof mtu === 'number' ? fragment(record, mtu) : []
  }
}

/** Throws a PhoneError that says so when this is no radio that a band can be reached by. */
export function requireRadio(radio: BandRadio): void {
  const isRadio = typeof radio === 'object' && radio !== null && isFunction(radio.send) && isFunction(radio.onFragment)
  if (!isRadio) throw new PhoneError('out-of-range', { about: 'a radio with mtu, send and onFragment expected' })
  const mtu = mtuOf(radio)
  if (typeof mtu !== 'number') throw mtu
}

/** Validated MTU: whole, and at most `mtuMax`, as a larger one carries no more; an error when it is too small or cannot be read. */
function mtuOf(radio: BandRadio): number | PhoneError {
  try {
    const mtu: unknown = radio.mtu
    if (typeof mtu === 'number' && mtu >= mtuMin && mtu < Number.POSITIVE_INFINITY)
      return Math.min(Math.floor(mtu), mtuMax)
    const about = `the radio's mtu: ${mtuMin} to ${mtuMax} expected (more counts as ${mtuMax}), got ${textOf(mtu)}`
    return new PhoneError('out-of-range', { about })
  } catch (error) {
    return new PhoneError('band-unreachable', { about: `the radio has no mtu: ${textOf(error)}`, cause: error })
  }
}

/**
 * Listens to a radio until the returned function is called: whatever it brings after that, or that is no bytes, is dropped. Throws a
 * PhoneError `band-unreachable` when the radio refuses.
 */
export function listenTo(radio: BandRadio, listener: (fragment: Bytes) => void): () => void {
  let isListening = true
  const heard = (value: unknown): void => {
    const bytes = isListening ? bytesOf(value) : undefined
    if (bytes !== undefined) listener(bytes)
  }
  let stop: unknown
  try {
    stop = radio.onFragment(heard)
  } catch (error) {
    isListening = false
    throw new PhoneError('band-unreachable', { about: textOf(error), cause: error })
  }
  const end = async (): Promise<void> => {
    // A radio that subscribes by a promise gives what stops it later.
    const stopping: unknown = await stop
    if (isFunction(stopping)) await stopping()
  }
  // Its failure to start so is silence, as from a band out of reach.
  Promise.resolve(stop).catch(() => undefined)
  return () => {
    if (!isListening) return
    isListening = false
    end().catch(() => undefined)
  }
}

/** Web Bluetooth brings a DataView, some libraries a bare buffer. */
function bytesOf(value: unknown): Bytes | undefined {
  if (value instanceof Uint8Array) return value
  if (value instanceof ArrayBuffer) return new Uint8Array(value)
  return ArrayBuffer.isView(value) ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength) : undefined
}

function isFunction(value: unknown): value is () => unknown {
  return typeof value === 'function'
}

// Bounded request body reader. The body of a POST on its way in: bounded in bytes and time, then handed to its handler, whose answer is sent
// (so is the end of a GET whose answer takes a moment). What is too much is read and thrown away up to the same bounds, so that the peer still
// hears why: an answer sent into the middle of a body is lost with the connection.

import type { ListenLimits } from './limits.ts'
import type { HttpAnswer, ListenOptions, TakesBody } from './listener.ts'
import { bodyTooLarge, bodyTooSlow, handlerFailed } from './upgrade.ts'

export type BodyOptions = Pick<ListenOptions, 'clock' | 'observe'> & {
  readonly limits: Pick<ListenLimits, 'bodyBytesMax' | 'requestTimeoutMs'>
  /** Who takes the body, or the answer that is given whatever it says. */
  readonly for: TakesBody | HttpAnswer
  /** As the head declares it; undefined when it does not. */
  readonly declaredBytes: number | undefined
  /** Sends the answer; called at most once, never after `gone`. */
  readonly respond: (answer: HttpAnswer) => void
  /** The request is over, answered or not; called once. */
  readonly over: () => void
}

/** A body without a declared length starts with this much room. */
const firstBytes = 65_536

export class RequestBody {
  readonly #options: BodyOptions
  readonly #cancelDeadline: () => void
  #buffer: Uint8Array<ArrayBuffer>
  #length = 0
  #state: 'reading' | 'answering' | 'over' = 'reading'

  constructor(options: BodyOptions) {
    const { limits, clock, observe, declaredBytes = 0 } = options
    this.#options = options
    const keeps = typeof options.for === 'function' && declaredBytes <= limits.bodyBytesMax
    // One buffer of the declared size: nothing of a body stays behind in copies.
    this.#buffer = new Uint8Array(keeps ? declaredBytes : 0)
    this.#cancelDeadline = clock.after(limits.requestTimeoutMs, () => {
      if (this.#state !== 'reading') return
      observe.refused('requestTimeoutMs')
      this.#answer(bodyTooSlow)
    })
  }

  /** A part of the body; borrowed. */
  received(chunk: Uint8Array): void {
    if (this.#state !== 'reading') return
    const { limits } = this.#options
    const length = this.#length + chunk.length
    const isKept = typeof this.#options.for === 'function' && length <= limits.bodyBytesMax
    if (isKept) {
      this.#room(length)
      this.#buffer.set(chunk, this.#length)
    }
    this.#length = length
    // Twice the limit was more than enough to be polite.
    if (length > 2 * limits.bodyBytesMax) this.#tooLarge()
  }

  /** The body is here whole. */
  ended(): void {
    if (this.#state !== 'reading') return
    if (typeof this.#options.for !== 'function') this.#answer(this.#options.for)
    else if (this.#length > this.#options.limits.bodyBytesMax) this.#tooLarge()
    else void this.#hand(this.#options.for)
  }

  /** The connection is gone: there is none left to answer. */
  gone(): void {
    this.#end()
  }

  async #hand(takes: TakesBody): Promise<void> {
    this.#state = 'answering'
    this.#cancelDeadline()
    let answer: HttpAnswer
    try {
      answer = await takes(this.#buffer.subarray(0, this.#length))
    } catch (error) {
      this.#options.observe.failed('http', error)
      answer = handlerFailed
    }
    if (this.#isOver()) return
    this.#answer(answer)
  }

  /** Asked after a wait, in which the connection may have gone. */
  #isOver(): boolean {
    return this.#state === 'over'
  }

  #tooLarge(): void {
    this.#options.observe.refused('bodyBytesMax')
    this.#answer(bodyTooLarge(this.#options.limits.bodyBytesMax))
  }

  #answer(answer: HttpAnswer): void {
    this.#end()
    this.#options.respond(answer)
  }

  #end(): void {
    if (this.#state === 'over') return
    this.#state = 'over'
    this.#cancelDeadline()
    this.#options.over()
  }

  #room(length: number): void {
    if (length <= this.#buffer.length) return
    const before = this.#buffer
    const grown = Math.min(this.#options.limits.bodyBytesMax, Math.max(firstBytes, 2 * length))
    this.#buffer = new Uint8Array(grown)
    this.#buffer.set(before.subarray(0, this.#length))
    before.fill(0)
  }
}

/** The length that a head declares; undefined when it declares none that is one. */
export function declaredLength(header: string): number | undefined {
  return /^\d{1,15}$/.test(header) ? Number(header) : undefined
}

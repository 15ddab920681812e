// Request/response correlation: numbers each request, matches the answer by number and type, and times out. When
// the connection is lost every open question is answered `offline`.

import type { EngineFrame, EngineFrameOf, PhoneFrame } from '../../protocol/messages/frames.ts'
import type { PhoneClock } from './phone-clock.ts'
import { PhoneError, errorOfFrame, textOf } from './phone-errors.ts'
import { defaultTimeouts } from './phone-timeouts.ts'

/** A frame without its number. */
export type Asked = PhoneFrame extends infer Frame ? (Frame extends PhoneFrame ? Omit<Frame, 'id'> : never) : never

type Waiting = {
  readonly about: string
  readonly resolve: (frame: EngineFrame) => void
  readonly reject: (error: PhoneError) => void
  readonly cancel: () => void
}

export class Requests {
  readonly #clock: PhoneClock
  readonly #answerMs: number
  readonly #waiting = new Map<number, Waiting>()
  #send: ((frame: PhoneFrame) => void) | undefined
  #unanswered: (error: PhoneError) => void = () => undefined
  #lastId = 0
  #over: PhoneError | undefined

  /** `answerMs`: what an answer may take unless the caller says otherwise. */
  constructor(clock: PhoneClock, answerMs: number = defaultTimeouts.answerMs) {
    this.#clock = clock
    this.#answerMs = answerMs
  }

  /** `unanswered` is told of each question that got no answer in time: its socket is not to be trusted any more. */
  connected(send: (frame: PhoneFrame) => void, unanswered: (error: PhoneError) => void = () => undefined): void {
    this.#send = send
    this.#unanswered = unanswered
  }

  /** Rejects every open question with this error. */
  disconnected(error: PhoneError): void {
    this.#send = undefined
    for (const id of this.#waiting.keys()) this.#take(id)?.reject(error)
  }

  /** As `disconnected`, for good: every later request gets this error too. */
  ended(error: PhoneError): void {
    this.#over = error
    this.disconnected(error)
  }

  /** Sends what wants no answer; dropped while offline, as the radio would drop it, and when it fits no frame. */
  tell(frame: Asked): void {
    try {
      this.#send?.({ ...frame, id: 0 })
    } catch {
      // The encoder refuses what the engine would refuse.
    }
  }

  /** Asks, and resolves with the answer of this type. Rejects with a PhoneError, never with anything else. */
  async ask<Answer extends EngineFrame['type']>(
    frame: Asked,
    answer: Answer,
    timeoutMs: number = this.#answerMs,
  ): Promise<EngineFrameOf<Answer>> {
    const frameBack = await this.#exchange(frame, timeoutMs)
    if (isFrame(frameBack, answer)) return frameBack
    throw new PhoneError('engine-misspoke', { about: `${frame.type} answered by ${frameBack.type}` })
  }

  /** Hands over a frame with a number; false when no request waits for it. */
  answered(frame: EngineFrame): boolean {
    const waiting = this.#take(frame.id)
    if (waiting === undefined) return false
    if (frame.type === 'error') waiting.reject(errorOfFrame(frame, waiting.about))
    else waiting.resolve(frame)
    return true
  }

  #exchange(frame: Asked, timeoutMs: number): Promise<EngineFrame> {
    return new Promise((resolve, reject) => {
      if (this.#send === undefined) {
        reject(this.#over ?? new PhoneError('offline', { about: frame.type }))
        return
      }
      const id = this.#nextId()
      const cancel = this.#clock.after(timeoutMs, () => {
        const error = new PhoneError('timeout', { about: frame.type })
        this.#take(id)?.reject(error)
        this.#unanswered(error)
      })
      this.#waiting.set(id, { about: frame.type, resolve, reject, cancel })
      try {
        this.#send({ ...frame, id })
      } catch (error) {
        // The encoder refuses what the engine would refuse.
        this.#take(id)?.reject(new PhoneError('out-of-range', { about: textOf(error), cause: error }))
      }
    })
  }

  #nextId(): number {
    do this.#lastId = this.#lastId >= 0xffff_ffff ? 1 : this.#lastId + 1
    while (this.#waiting.has(this.#lastId))
    return this.#lastId
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    waiting?.cancel()
    return waiting
  }
}

function isFrame<Type extends EngineFrame['type']>(frame: EngineFrame, type: Type): frame is EngineFrameOf<Type> {
  return frame.type === type
}

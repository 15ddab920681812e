// For tests: a data folder of its own, gone after the test, and a clock that moves only when told.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Chores } from '../../engine/ports/chores.ts'
import type { Clock } from '../../engine/ports/clock.ts'
import type { Log } from './log.ts'

/** `afterTest` is vitest's onTestFinished. */
export function testFolder(afterTest: (work: () => void) => void): string {
  const path = mkdtempSync(join(tmpdir(), 'bandpass-server-'))
  afterTest(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** Work waits until `pass`. */
export class TestClock implements Clock {
  #nowMs = 1_800_000_000_000
  #waiting: { readonly atMs: number; readonly work: () => void }[] = []

  readonly nowMs = (): number => this.#nowMs
  readonly monotonicMs = (): number => this.#nowMs

  readonly after = (afterMs: number, work: () => void): (() => void) => {
    const entry = { atMs: this.#nowMs + afterMs, work }
    this.#waiting.push(entry)
    return () => {
      this.#waiting = this.#waiting.filter((one) => one !== entry)
    }
  }

  readonly chores = new Chores({ clock: this, told: () => undefined })

  pass(ms: number): void {
    this.#nowMs += ms
    const due = this.#waiting.filter((one) => one.atMs <= this.#nowMs)
    this.#waiting = this.#waiting.filter((one) => !due.includes(one))
    for (const { work } of due) work()
  }
}

export type LoggedLine = {
  readonly level: string
  readonly event: string
  readonly fields: Readonly<Record<string, unknown>>
}

/** A log that keeps what it was told. */
export function testLog(): { readonly log: Log; readonly lines: LoggedLine[] } {
  const lines: LoggedLine[] = []
  return { lines, log: (level, event, fields = {}) => void lines.push({ level, event, fields }) }
}

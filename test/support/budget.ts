// Progress and budget of an open-ended test (fuzzing, power cuts), which goes as far as its budget: it asks before each piece of
// work whether there is more, and what it is asked for tells on stderr how far it is, every ten seconds.
import { type BudgetSize, sizeOf, variables } from './budgets.ts'

type AmountName = Parameters<typeof sizeOf>[0]

const reportEveryMs = 10_000
/** What a test may take before and after its pieces of work, on a busy machine. */
const aroundMs = 120_000

export class Budget {
  readonly name: AmountName
  readonly size: BudgetSize
  readonly #now: () => number
  readonly #say: (line: string) => void

  /** `now` and `say` are for a test of this; else the clock, in milliseconds, and stderr. Throws when the variable does not fit. */
  constructor(
    name: AmountName,
    size: BudgetSize = sizeOf(name),
    now: () => number = () => performance.now(),
    say: (line: string) => void = (line) => void process.stderr.write(`${line}\n`),
  ) {
    this.name = name
    this.size = size
    this.#now = now
    this.#say = say
  }

  /** For a test's title: `1,000`, or `10 minutes of`. */
  get text(): string {
    return this.size.type === 'count' ? amount(this.size.count) : `${amount(this.size.ms / 1_000)} seconds of`
  }

  /** The time limit of a test that has it once. */
  get timeoutMs(): number {
    return aroundMs + (this.size.type === 'count' ? this.size.count * variables[this.name].msEach : this.size.ms * 1.5)
  }

  /** A part of it for something that takes so many times longer; of a time, all. */
  dividedBy(divisor: number): Budget {
    const { size } = this
    if (size.type === 'time') return this
    return new Budget(this.name, { type: 'count', count: Math.ceil(size.count / divisor) }, this.#now, this.#say)
  }

  /** Begins. The function it gives answers whether to go on, with so many done; the first piece is always done. */
  start(): (done: number) => boolean {
    const startMs = this.#now()
    let toldMs = startMs
    return (done) => {
      const nowMs = this.#now()
      const goesOn =
        done === 0 || (this.size.type === 'count' ? done < this.size.count : nowMs - startMs < this.size.ms)
      const isFirst = toldMs === startMs
      if (nowMs - toldMs >= reportEveryMs || (!goesOn && !isFirst)) {
        toldMs = nowMs
        this.#say(this.#progress(done, nowMs - startMs))
      }
      return goesOn
    }
  }

  /** `POWER_CUTS: 4,120 of 10,000 in 10 s, 412.0 a second, 15 s to go`. */
  #progress(done: number, ms: number): string {
    const perSecond = (done * 1_000) / Math.max(1, ms)
    const rate = `${perSecond.toLocaleString('en', { maximumFractionDigits: perSecond < 10 ? 2 : 0 })} a second`
    const seconds = amount(ms / 1_000)
    if (this.size.type === 'time') {
      const leftMs = Math.max(0, this.size.ms - ms)
      return `${this.name}: ${amount(done)} in ${seconds} s, ${rate}, ${amount(leftMs / 1_000)} s to go`
    }
    const left = Math.max(0, this.size.count - done)
    return `${this.name}: ${amount(done)} of ${amount(this.size.count)} in ${seconds} s, ${rate}, ${amount(left / Math.max(perSecond, 1e-9))} s to go`
  }
}

function amount(value: number): string {
  return Math.round(value).toLocaleString('en')
}

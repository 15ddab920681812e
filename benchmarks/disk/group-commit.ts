// Benchmark of group-commit strategies under open-loop arrivals: at once on the engine's thread, in one call (what the store
// does) or two; by a disk thread over shared memory; by Node's thread pool. Results and choice:
// docs/decisions/0002-group-commit.md.
//
//   node benchmarks/disk/group-commit.ts [--rates 1000,5000,20000] [--seconds 4] [--repeats 5] [--work-us 0] [--segment-mib 64]
//
// Arrivals come from another process at random (exponential) intervals that do not wait for answers; a latency runs from the
// instant an arrival was due until its record is durable. `--work-us` spends that much time on each arrival before it is
// appended, as the engine does. Variants take turns, so that a busy minute of the machine meets all of them.

import { spawn } from 'node:child_process'
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  write as writeAsync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { FilePort } from '../../store/files/file-port.ts'
import { openJournal } from '../../store/journal/journal.ts'
import { realFiles } from '../../store/files/real-files.ts'
import { startDiskThread } from './disk-thread.ts'

const { values } = parseArgs({
  options: {
    rates: { type: 'string', default: '1000,5000,20000' },
    seconds: { type: 'string', default: '4' },
    repeats: { type: 'string', default: '5' },
    'work-us': { type: 'string', default: '0' },
    'segment-mib': { type: 'string', default: '64' },
    produce: { type: 'string' },
  },
})
const seconds = Number(values.seconds)
const workMs = Number(values['work-us']) / 1000
/** About what a decision record takes. */
const recordBytes = 400

const variants = {
  'at once': () => realFiles(),
  'at once, in two calls': () => filesWithTwoCalls(),
  'disk thread': () => filesWithDiskThread(),
  'thread pool': () => filesWithThreadPool(),
} as const satisfies Readonly<Record<string, () => FilePort>>
type Variant = keyof typeof variants | 'no journal'
const order: readonly Variant[] = ['no journal', 'at once', 'at once, in two calls', 'disk thread', 'thread pool']

type Run = {
  readonly p50: number
  readonly p99: number
  readonly p999: number
  readonly busy: number
  readonly cpu: number
}

if (values.produce === undefined) await compare()
else produce(Number(values.produce))

async function compare(): Promise<void> {
  console.log(`append to durable, ms: median of ${values.repeats} runs of ${seconds} s (lowest–highest)`)
  console.log(
    `${recordBytes} B records, ${values['work-us']} µs of work each, segments of ${values['segment-mib']} MiB\n`,
  )
  console.log('| rate/s | variant | p50 | p99 | p99.9 | main thread busy | CPU of all threads |')
  console.log('|---|---|---|---|---|---|---|')
  for (const rate of values.rates.split(',').map(Number)) {
    const runs = new Map<Variant, Run[]>(order.map((variant) => [variant, []]))
    // The first round warms up and does not count; then each goes first in turn.
    for (let round = 0; round <= Number(values.repeats); round++) {
      for (let i = 0; i < order.length; i++) {
        const variant = order[(i + round) % order.length] ?? 'no journal'
        const measured = await run(variant, rate)
        if (round > 0) runs.get(variant)?.push(measured)
      }
    }
    for (const [variant, list] of runs) {
      const cells = [
        spread(list, 'p50'),
        spread(list, 'p99'),
        spread(list, 'p999'),
        share(list, 'busy'),
        share(list, 'cpu'),
      ]
      console.log(`| ${rate} | ${variant} | ${cells.join(' | ')} |`)
    }
  }
}

async function run(variant: Variant, rate: number): Promise<Run> {
  // Beside the sources, not in a tmpfs: this is about a disk.
  const folder = mkdtempSync(fileURLToPath(new URL('../../.build/group-commit-', import.meta.url)))
  const journal = await openJournal({
    folder: join(folder, 'journal'),
    durability: 'disk',
    segmentBytes: Number(values['segment-mib']) * 1024 * 1024,
    after: startTimer,
    files: variant === 'no journal' ? realFiles() : variants[variant](),
  })
  // Segments are made ahead of time: a run measures groups, not that.
  while (readdirSync(join(folder, 'journal')).filter((name) => name.endsWith('.spare')).length < 2) await turn()
  const body = new Uint8Array(recordBytes).fill(9)
  const latencies: number[] = []
  const note = (dueNs: bigint) => void latencies.push(Number(process.hrtime.bigint() - dueNs) / 1e6)
  const arrive = (dueNs: bigint) => {
    for (const end = performance.now() + workMs; performance.now() < end;);
    if (variant === 'no journal') {
      note(dueNs)
      return
    }
    const lsn = journal.append(body, 'normal')
    if (typeof lsn !== 'number') throw new Error(`the journal is ${lsn}`)
    void journal.durable(lsn).then(() => note(dueNs))
  }
  const before = performance.eventLoopUtilization()
  const cpuBefore = process.cpuUsage()
  await receive(rate, arrive)
  await journal.durable(journal.appendedLsn)
  const { utilization } = performance.eventLoopUtilization(before)
  const cpu = process.cpuUsage(cpuBefore)
  await journal.close()
  rmSync(folder, { recursive: true })
  // The first half second warms up.
  const sorted = latencies.slice(rate / 2).sort((a, b) => a - b)
  const at = (share: number) => sorted[Math.floor(sorted.length * share)] ?? Number.NaN
  return {
    p50: at(0.5),
    p99: at(0.99),
    p999: at(0.999),
    busy: utilization,
    cpu: (cpu.user + cpu.system) / 1e6 / seconds,
  }
}

/** Calls `arrive` with the due instant of each arrival that the producer sends. */
function receive(rate: number, arrive: (dueNs: bigint) => void): Promise<void> {
  const args = [
    '--disable-sigusr1',
    fileURLToPath(import.meta.url),
    '--produce',
    String(rate),
    '--seconds',
    String(seconds),
  ]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let rest: Buffer = Buffer.alloc(0)
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', () => resolve())
    child.stdout.on('data', (chunk: Buffer) => {
      const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
      let at = 0
      for (; at + 8 <= bytes.length; at += 8) arrive(bytes.readBigUInt64LE(at))
      rest = bytes.subarray(at)
    })
  })
}

/** The load generator, in the other process: writes the due instant of each arrival when it is due. */
function produce(rate: number): void {
  const never = new Int32Array(new SharedArrayBuffer(4))
  const message = Buffer.alloc(8)
  const startNs = process.hrtime.bigint() + 50_000_000n
  let seed = 1
  let afterNs = 0
  for (let i = 0; i < rate * seconds; i++) {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fff_ffff
    afterNs -= (Math.log((seed + 1) / 0x8000_0000) / rate) * 1e9
    const dueNs = startNs + BigInt(Math.round(afterNs))
    for (
      let leftNs = Number(dueNs - process.hrtime.bigint());
      leftNs > 0;
      leftNs = Number(dueNs - process.hrtime.bigint())
    ) {
      // A wait ends some 50 µs late: the last stretch is spent awake.
      if (leftNs > 60_000) Atomics.wait(never, 0, 0, (leftNs - 50_000) / 1e6)
    }
    message.writeBigUInt64LE(dueNs)
    writeSync(1, message)
  }
}

/** A write, then fdatasync. */
function filesWithTwoCalls(): FilePort {
  const files = realFiles()
  return {
    ...files,
    open: (path, how) => {
      const file = files.open(path, how)
      return {
        ...file,
        append: ({ position, bytes }, done) => {
          file.write(position, bytes)
          file.datasync()
          done()
        },
      }
    },
  }
}

function filesWithDiskThread(): FilePort {
  const thread = startDiskThread()
  return throughDescriptors({
    append: (write, done) => thread.write({ ...write, sync: false }, done),
    close: () => thread.close(),
  })
}

function filesWithThreadPool(): FilePort {
  return throughDescriptors({
    append: ({ fd, position, bytes }, done) => {
      writeAsync(fd, bytes, 0, bytes.length, position, (error) => done(error ?? undefined))
    },
    close: () => Promise.resolve(),
  })
}

/** Real files whose groups go through a descriptor opened with O_DSYNC: each write is on disk before it returns. */
function throughDescriptors(way: {
  readonly append: (
    write: { readonly fd: number; readonly position: number; readonly bytes: Uint8Array },
    done: (error?: unknown) => void,
  ) => void
  readonly close: () => Promise<void>
}): FilePort {
  const files = realFiles()
  return {
    ...files,
    open: (path, how) => {
      const file = files.open(path, how)
      const fd = openSync(path, how === 'read' ? 'r' : constants.O_RDWR | constants.O_DSYNC)
      const close = () => {
        closeSync(fd)
        file.close()
      }
      return { ...file, close, append: (write, done) => way.append({ ...write, fd }, done) }
    },
    close: way.close,
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, 10))
}

function startTimer(afterMs: number, work: () => void): () => void {
  const timer = setTimeout(work, afterMs)
  return () => clearTimeout(timer)
}

function sortedBy(runs: readonly Run[], what: keyof Run): readonly number[] {
  return runs.map((one) => one[what]).sort((a, b) => a - b)
}

function spread(runs: readonly Run[], what: keyof Run): string {
  const sorted = sortedBy(runs, what)
  const median = sorted[sorted.length >> 1] ?? Number.NaN
  return `${median.toFixed(2)} (${sorted[0]?.toFixed(2)}–${sorted.at(-1)?.toFixed(2)})`
}

function share(runs: readonly Run[], what: 'busy' | 'cpu'): string {
  const sorted = sortedBy(runs, what)
  return `${Math.round(100 * (sorted[sorted.length >> 1] ?? Number.NaN))} %`
}

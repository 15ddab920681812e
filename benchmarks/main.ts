// Entry point of `make bench`, the benchmark suite: runs sections, prints each as it is done and writes RESULTS.md. `--quick` for
// a first look (a minute or two, small numbers, written nowhere unless `--out` says so); `make bench ARGS="--only floors,peers
// --rounds 3"`.

import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { provenance } from './machine.ts'
import { mergeResults, sectionText } from './figures/results.ts'
import { type RunSettings, type SectionId, runSections, sectionIds } from './sections.ts'

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: sectionIds.join(',') },
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    rate: { type: 'string', default: '1000,5000' },
    seed: { type: 'string', default: 'bandpass' },
    sockets: { type: 'string', default: '64' },
    'bands-per-socket': { type: 'string', default: '16' },
    'in-flight': { type: 'string', default: '8' },
    bands: { type: 'string' },
    sizes: { type: 'string' },
    'ten-million': { type: 'boolean', default: false },
    folder: { type: 'string', default: tmpdir() },
    out: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) {
  console.log(`make bench ARGS="…"
  --only a,b          sections: ${sectionIds.join(', ')}
  --quick             a first look: one round, short, small
  --rounds N          5 unless quick; --seconds N of each stretch, 5 unless quick
  --rate a,b          rates of open loops, a second [1000,5000]
  --sizes a,b         bindings of growth [10000,100000,1000000]; --ten-million adds 10,000,000
  --bands N           live bands of million and storm [1000000]
  --sockets N         sockets of a fleet [64]; --bands-per-socket N [16]; --in-flight N on each socket [8]
  --folder PATH       where data are written: the disk that is measured [${tmpdir()}]
  --out FILE          [benchmarks/RESULTS.md, nowhere when quick]
  --seed TEXT         names the fleets [bandpass]`)
  process.exit(0)
}

const isQuick = values.quick
const wanted = new Set(values.only.split(',').map(sectionId))
const sizes = numbers(values.sizes ?? (isQuick ? '1000,10000' : '10000,100000,1000000'))
const folder = mkdtempSync(join(values.folder, 'bandpass-bench-'))
// PostgreSQL runs as a user of its own when this is root.
chmodSync(folder, 0o755)
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

const rounds = Number(values.rounds ?? (isQuick ? 1 : 5))
const settings: RunSettings = {
  folder,
  seed: values.seed,
  isQuick,
  rounds,
  seconds: Number(values.seconds ?? (isQuick ? 1 : 5)),
  rates: numbers(values.rate),
  fleet: {
    seed: values.seed,
    sockets: Number(values.sockets),
    bandsPerSocket: Number(values['bands-per-socket']),
  },
  inFlightPerLane: Number(values['in-flight']),
  sizes: values['ten-million'] ? [...sizes, 10_000_000] : sizes,
  bands: Number(values.bands ?? (isQuick ? 10_000 : 1_000_000)),
  say: (line) => console.error(`  ${line}`),
}
const out = values.out ?? (isQuick ? undefined : join(import.meta.dirname, 'RESULTS.md'))
const from = await provenance(folder, { seed: values.seed, rounds })

// Each section is written when it is there: what a long run found is not lost with what comes after it.
await runSections(wanted, settings, (section) => {
  console.log(sectionText(section, from))
  if (out === undefined) return
  writeFileSync(out, mergeResults(existsSync(out) ? readFileSync(out, 'utf8') : '', [section], from))
})
process.exit(0)

function sectionId(name: string): SectionId {
  const id = sectionIds.find((one) => one === name)
  if (id === undefined) {
    console.error(`--only: one of ${sectionIds.join(', ')} expected, got ${name}`)
    process.exit(64)
  }
  return id
}

function numbers(list: string): readonly number[] {
  return list.split(',').map(Number)
}

// HTML report of a run, one page that needs nothing else: no script, no font, no network. Light or dark as the reader's system.

import { type LoadResult, type Sample } from './load-result.ts'
import { type Chart, chartHtml, escapeHtml } from './report-charts.ts'
import type { Crossed } from '../profile/thresholds.ts'

/** The page. `crossed` are the thresholds that failed. */
export function reportOf(result: LoadResult, crossed: readonly Crossed[]): string {
  const isWell = crossed.length === 0 && result.problems.length === 0
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Bandpass load: ${escapeHtml(result.profile)}</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>${escapeHtml(result.profile)} <span class="${isWell ? 'well' : 'bad'}">${isWell ? 'passed' : 'failed'}</span></h1>
<p>${escapeHtml(result.about)}</p>
<p class="dim">${escapeHtml(settingText(result))}</p>
${problemsHtml(result, crossed)}
<section class="cards">
${cardsOf(result)
  .map(
    ([name, value, about]) =>
      `<div><small>${escapeHtml(name)}</small><b>${escapeHtml(value)}</b><small>${escapeHtml(about)}</small></div>`,
  )
  .join('\n')}
</section>
<section class="charts">
${chartsOf(result).map(chartHtml).join('\n')}
</section>
<section class="tables">
${tableHtml('Decisions', result.decisions)}
${tableHtml('Errors', result.errorsByCode)}
${tableHtml('Requests', { asked: result.requests, answered: result.answered, errors: result.errors, lost: result.lost, 'asked again': result.retried, 'waited for a link': result.waited })}
${result.attacks === 0 ? '' : tableHtml('Attacks', { made: result.attacks, approved: result.attacksApproved, 'replays answered as before': result.replaysRecognized, 'flood frames': result.floodFrames, vandals: result.vandals })}
</section>
<p class="dim">Latency counts from the instant a request was due, not from when it was sent, so a server that stalls cannot hide it.
The server's clock runs from a frame read off the socket to its answer written. Histograms are exact to three figures.</p>
</main>
</body>
</html>
`
}

function settingText(result: LoadResult): string {
  const { server } = result
  return (
    `${result.bands} bands on ${result.sockets} ${result.sessions} sockets, ${result.seconds} s${result.interruptedOfSeconds === null ? '' : ` of ${result.interruptedOfSeconds} s: it was interrupted`}, ${result.workers} ` +
    `thread${result.workers === 1 ? '' : 's'}, seed ${result.seed}. Engine ${server.info.version}, ` +
    `listener ${server.info.listener}, durability ${server.info.durability}, heartbeat ${server.info.heartbeatS} s. ` +
    `The fleet was imported in ${seconds(result.provisionMs)} and linked in ${seconds(result.linkMs)}.`
  )
}

function problemsHtml(result: LoadResult, crossed: readonly Crossed[]): string {
  const lines = [
    ...result.problems.map((problem) => `not right: ${problem}`),
    ...crossed.map(({ text, value }) => `threshold ${text}: ${value === undefined ? 'not measured' : number(value)}`),
  ]
  return lines.length === 0
    ? ''
    : `<ul class="bad">${lines.map((line) => `<li>${escapeHtml(line)}</li>`).join('')}</ul>`
}

function cardsOf(result: LoadResult): readonly (readonly [string, string, string])[] {
  const { latency, server } = result
  return [
    ['achieved', `${number(result.achievedPerSecond)}/s`, `of ${number(result.offeredPerSecond)}/s offered`],
    ['client p50', ms(latency.p50Ms), `p90 ${ms(latency.p90Ms)}`],
    ['client p99', ms(latency.p99Ms), `p99.9 ${ms(latency.p999Ms)}`],
    ['client most', ms(latency.maxMs), `${latency.count} answers`],
    ['server p50', ms(server.answered.p50Ms), `to disk ${ms(server.gate.p50Ms)}`],
    ['server p99', ms(server.answered.p99Ms), `p99.9 ${ms(server.answered.p999Ms)}`],
    ['server memory', `${number(server.memory.rssMb)} MB`, `heap ${number(server.memory.heapUsedMb)} MB`],
    ['longest pause', ms(server.gc.maxMs), `${server.gc.count} for garbage`],
    ...(result.relinkMs === null
      ? []
      : [['relinked after', seconds(result.relinkMs), `live bands' p99 ${ms(result.liveLatency.p99Ms)}`] as const]),
    ['client CPU', `${number(result.clientCpuUsPerRequest)} µs`, 'a request, all included'],
  ]
}

function chartsOf(result: LoadResult): readonly Chart[] {
  const { samples } = result
  const xTicks = timeTicks(Math.max(1, result.seconds, (samples.at(-1)?.atMs ?? 0) / 1_000))
  const over = (value: (sample: Sample) => number | null | undefined) =>
    samples.flatMap((sample) => {
      const y = value(sample)
      return y === null || y === undefined ? [] : [{ x: sample.atMs / 1_000, y }]
    })
  const time = { xTicks, isLogarithmic: false }
  return [
    distributionChart(result),
    {
      ...time,
      title: 'Latency over time',
      about: 'At the client, from the intended start, second by second.',
      unit: 'ms',
      isLogarithmic: true,
      lines: [
        { name: 'p50', colour: 1, points: over((sample) => sample.p50Ms) },
        { name: 'p99', colour: 2, points: over((sample) => sample.p99Ms) },
        { name: "server's p99 so far", colour: 3, points: over((sample) => sample.server?.p99Ms) },
      ],
    },
    {
      ...time,
      title: 'Rate',
      about: 'Requests due, and decided.',
      unit: '/s',
      lines: [
        { name: 'offered', colour: 3, points: over((sample) => sample.offeredPerSecond) },
        { name: 'achieved', colour: 1, points: over((sample) => sample.achievedPerSecond) },
        ...(result.errors === 0
          ? []
          : [{ name: 'errors', colour: 2 as const, points: over((sample) => sample.errorsPerSecond) }]),
      ],
    },
    {
      ...time,
      title: 'Server memory',
      about: 'Resident, without mapped files, and the JavaScript heap.',
      unit: 'MB',
      lines: [
        { name: 'resident', colour: 3, points: over((sample) => sample.server?.rssMb) },
        { name: 'its own', colour: 1, points: over((sample) => sample.server?.anonRssMb) },
        { name: 'heap', colour: 2, points: over((sample) => sample.server?.heapMb) },
      ],
    },
    {
      ...time,
      title: 'Server pauses for garbage',
      about: 'Time spent, and the longest one so far.',
      unit: 'ms',
      lines: [
        { name: 'a second', colour: 1, points: growthPerSecond(samples, (server) => server.gcTotalMs) },
        { name: 'longest so far', colour: 2, points: over((sample) => sample.server?.gcMaxMs) },
      ],
    },
    {
      ...time,
      title: 'Server CPU',
      about: 'Cores in use by the whole process.',
      unit: 'cores',
      lines: [{ name: 'cores', colour: 1, points: growthPerSecond(samples, (server) => server.cpuMs / 1_000) }],
    },
    ...(result.relinkMs === null
      ? []
      : [
          {
            ...time,
            title: 'Live links',
            about: 'Bands with a link, through the storm.',
            unit: 'bands',
            lines: [{ name: 'linked', colour: 1 as const, points: over((sample) => sample.linked) }],
          },
        ]),
  ]
}

/** Labels nearer to the end than this would not fit, in nines. */
const roomForLabel = 0.3

/** Logarithmic percentile axis, which gives each further nine the same room: where the tail is, not where the crowd is. */
function distributionChart(result: LoadResult): Chart {
  const nines = (share: number): number => -Math.log10(Math.max(1 - share, 1 / Math.max(1, result.latency.count)))
  const last = Math.max(2, nines(1))
  const marks = [0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999999]
  const xTicks = marks
    .filter((share) => nines(share) <= last - roomForLabel)
    .map((share) => ({ x: nines(share), label: percent(share) }))
  return {
    title: 'Latency distribution',
    about: 'So many answers came within so many ms.',
    unit: 'ms',
    isLogarithmic: true,
    xTicks: [{ x: 0, label: '' }, ...xTicks, { x: last, label: '' }],
    lines: [
      {
        name: 'client, from the intended start',
        colour: 1,
        points: result.distribution.map(({ share, ms: y }) => ({ x: nines(share), y })),
      },
    ],
  }
}

/** How fast a figure of the server's grows, a second. */
function growthPerSecond(
  samples: readonly Sample[],
  value: (server: NonNullable<Sample['server']>) => number,
): readonly { readonly x: number; readonly y: number }[] {
  return samples.flatMap(({ atMs, server }, index) => {
    const before = samples[index - 1]
    if (server === null || before === undefined || before.server === null) return []
    const grown = Math.max(0, value(server) - value(before.server))
    return [{ x: atMs / 1_000, y: (1_000 * grown) / Math.max(1, atMs - before.atMs) }]
  })
}

function timeTicks(untilS: number): Chart['xTicks'] {
  return [0, 0.25, 0.5, 0.75, 1].map((share) => ({ x: share * untilS, label: timeText(share * untilS) }))
}

function timeText(s: number): string {
  if (s >= 7_200) return `${+(s / 3_600).toFixed(1)} h`
  return s >= 300 ? `${+(s / 60).toFixed(1)} min` : `${+s.toFixed(1)} s`
}

function tableHtml(title: string, rows: Readonly<Record<string, number>>): string {
  const entries = Object.entries(rows)
  const body =
    entries.length === 0
      ? '<tr><td class="dim">none</td></tr>'
      : entries.map(([name, value]) => `<tr><td>${escapeHtml(name)}</td><td>${value}</td></tr>`).join('')
  return `<table><caption>${escapeHtml(title)}</caption><tbody>${body}</tbody></table>`
}

function percent(share: number): string {
  return `${+(100 * share).toFixed(4)}%`
}

function ms(value: number | null): string {
  return value === null ? '–' : `${value < 10 ? value.toFixed(3) : value.toFixed(1)} ms`
}

function seconds(valueMs: number): string {
  return `${(valueMs / 1_000).toFixed(1)} s`
}

function number(value: number): string {
  return value >= 100 ? `${Math.round(value)}` : value.toFixed(1)
}

const style = `
:root{color-scheme:light dark;--paper:#fcfcfb;--ink:#1c1e21;--dim:#62676d;--grid:#e3e4e2;--card:#f1f2f0;--c1:#0f6f8c;--c2:#c2410c;--c3:#8a8f96;--well:#1d7a46;--bad:#b3261e}
@media(prefers-color-scheme:dark){:root{--paper:#15171a;--ink:#e8e9ea;--dim:#9aa0a7;--grid:#2c3035;--card:#1f2226;--c1:#5cc3e0;--c2:#ff9a62;--c3:#7d848c;--well:#5fce92;--bad:#ff8a80}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
main{max-width:960px;margin:0 auto;padding:20px 16px 48px}
h1{font-size:26px;margin:0 0 4px}
h1 span{font-size:13px;font-weight:600;vertical-align:middle;padding:2px 9px;border-radius:9px;color:var(--paper)}
h1 .well{background:var(--well)}h1 .bad{background:var(--bad)}
p{margin:6px 0}.dim{color:var(--dim);font-size:13px}
ul.bad{color:var(--bad);padding-left:20px}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(150px,1fr));gap:10px;margin:18px 0}
.cards div{background:var(--card);border-radius:8px;padding:10px 12px;display:grid}
.cards b{font-size:19px;font-variant-numeric:tabular-nums}
.cards small{color:var(--dim)}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(340px,100%),1fr));gap:26px 24px;margin:18px 0}
figure{margin:0;min-width:0}figcaption{font-size:13px;color:var(--dim);margin-bottom:6px}figcaption b{color:var(--ink);font-size:15px}
svg{display:block;width:100%;height:auto}
svg text{font:11px system-ui,sans-serif;fill:var(--dim)}
.grid{stroke:var(--grid);stroke-width:1}
polyline{fill:none;stroke-width:1.8;stroke-linejoin:round}
.l1{stroke:var(--c1)}.l2{stroke:var(--c2)}.l3{stroke:var(--c3)}
.key{margin-right:12px;white-space:nowrap}.key i{display:inline-block;width:14px;height:3px;margin-right:5px;vertical-align:middle}
i.c1{background:var(--c1)}i.c2{background:var(--c2)}i.c3{background:var(--c3)}
.tables{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(220px,100%),1fr));gap:18px}
table{border-collapse:collapse;width:100%;font-size:14px;align-self:start}
caption{text-align:left;font-weight:600;padding:4px 0}
td{border-top:1px solid var(--grid);padding:4px 0}
td:last-child{text-align:right;font-variant-numeric:tabular-nums}
`

// Reconnecting WebSocket client of the feed, and its state as signals: the newest values, the last quarter of an hour, how the
// connection is, and which alarms are on. It connects while an operator is signed in, and again by itself after the engine was away.

import { fromHex, toHex } from '../../base/bytes.ts'
import { type FleetAnswer, operatorPaths } from '../../protocol/operator-api.ts'
import { type BandStep, decodeFeed, encodeFeed, feedSubprotocol } from '../../protocol/messages/operator-feed.ts'
import { type PastSince, alarmsOn, followAlarms } from './alarms.ts'
import { get, readSession, session } from './api.ts'
import { after, every, nowMs } from './clock.ts'
import { type FeedPoint, addPoint, mergeFeed, pointsOf, valueOf, withHistory } from './feed-points.ts'
import { computed, signal } from './signals.ts'

export type Connection =
  | { readonly type: 'connecting' }
  | { readonly type: 'live' }
  | { readonly type: 'lost'; readonly sinceMs: number; readonly againAtMs: number }

/** Connect timeout, ms: a socket that is not open after this long is left, and another one tried. */
const connectMaxMs = 10_000
/** Backoff between attempts, ms; the last one again and again. */
const waitsMs = [1_000, 2_000, 4_000, 8_000, 15_000] as const
/** A feed that is silent for longer is taken for lost: it tells something every second. */
const silentMaxMs = 12_000
/** Age from which values are shown as stale, ms. */
const staleAfterMs = 4_000

export const connection = signal<Connection>({ type: 'connecting' })
export const fleet = signal<FleetAnswer | undefined>(undefined)
export const points = signal<readonly FeedPoint[]>([])
/** Latest sample. A feed that begins tells it in the middle of a second, so it is not yet one of the points. */
export const latest = signal<FeedPoint | undefined>(undefined)
/** The reader's clock, once a second, for ages and countdowns. */
export const tick = signal(nowMs())
/** When the newest values came, by the reader's clock; 0 = never. */
export const toldAtMs = signal(0)
/** How often the feed was opened: after each time the engine may be another run, or may have changed unseen. */
const opens = signal(0)
/** Stale: what is shown may not be so any more, as no values came for a while, or the engine cannot be reached. */
export const isStale = computed(
  () => connection.value.type === 'lost' || (toldAtMs.value > 0 && tick.value - toldAtMs.value > staleAfterMs),
)
/** The engine that speaks now is another run than the one before it: when it started, by its clock. */
export const restartedAtMs = signal<number | undefined>(undefined)

const pastSince = signal<PastSince>(new Map())
export const alarms = computed(() => alarmsOn(fleet.value?.alarms ?? [], pastSince.value, latest.value?.atMs ?? 0))

/** Now by the engine's clock, as far as it is known here. */
export function engineNowMs(): number {
  const point = latest.value
  return point === undefined ? tick.value : point.atMs + Math.max(0, tick.value - toldAtMs.value)
}

/** Fingerprint of these fields of the feed: another text means that lists are to be read again. */
export function told(fields: readonly string[]): string | undefined {
  const point = latest.value
  const values = fields.map((field) => valueOf(point, field) ?? '-')
  return fields.length > 0 && point === undefined ? undefined : [opens.value, ...values].join(' ')
}

let socket: WebSocket | undefined
let attempts = 0
/** When anything came, by the reader's clock. */
let heardAtMs = 0
/** When the present socket was begun. */
let begunAtMs = 0
let stopWaiting: (() => void) | undefined
const before: { point: FeedPoint | undefined } = { point: undefined }
const watched: { bandId: string; told: () => void } = { bandId: '', told: () => undefined }
/** State transitions of the watched band's actor while it was watched, newest first; `missed` more were not told one by one. */
export const bandSteps = signal<{ readonly steps: readonly BandStep[]; readonly missed: number }>({
  steps: [],
  missed: 0,
})
/** As many as are kept. */
const bandStepsMax = 100

/** Connects, and keeps connected until `stopFeed`. */
export function startFeed(): void {
  if (socket !== undefined || stopWaiting !== undefined) return
  void readFleet()
  connect()
}

/** Disconnects and forgets what was told: it was for the operator who was signed in. */
export function stopFeed(): void {
  stopWaiting?.()
  stopWaiting = undefined
  const open = socket
  socket = undefined
  open?.close()
  points.value = []
  latest.value = undefined
  toldAtMs.value = 0
  fleet.value = undefined
  before.point = undefined
  pastSince.value = new Map()
  attempts = 0
  connection.value = { type: 'connecting' }
}

/** Tries at once instead of waiting. */
export function tryNow(): void {
  stopWaiting?.()
  stopWaiting = undefined
  if (socket === undefined) connect()
}

/** Subscribes to moves of this band, until the returned function is called. One band at a time. */
export function watchBand(bandId: string, told: () => void): () => void {
  watched.bandId = bandId
  watched.told = told
  bandSteps.value = { steps: [], missed: 0 }
  sendWatch()
  return () => {
    if (watched.told !== told) return
    watched.bandId = ''
    watched.told = () => undefined
    sendWatch()
  }
}

every(1_000, () => {
  tick.value = nowMs()
  if (connection.value.type === 'live' && nowMs() - heardAtMs > silentMaxMs) socket?.close()
  // What took the connection may never answer it, such as a process that is stopped: a browser waits for minutes.
  if (socket?.readyState === WebSocket.CONNECTING && nowMs() - begunAtMs > connectMaxMs) socket.close()
})

function connect(): void {
  const scheme = location.protocol === 'https:' ? 'wss' : 'ws'
  const opened = new WebSocket(`${scheme}://${location.host}${operatorPaths.feed}`, feedSubprotocol)
  socket = opened
  begunAtMs = nowMs()
  opened.binaryType = 'arraybuffer'
  opened.onopen = () => {
    if (socket !== opened) return
    before.point = undefined
    heardAtMs = nowMs()
    opens.value += 1
    // After a break the engine may be another run, with a history of its own.
    if (connection.value.type === 'lost') void readFleet()
    connection.value = { type: 'live' }
    sendWatch()
    watched.told()
  }
  opened.onmessage = ({ data }: MessageEvent<unknown>) => {
    if (socket === opened && data instanceof ArrayBuffer) hear(new Uint8Array(data))
  }
  opened.onclose = () => {
    if (socket !== opened) return
    socket = undefined
    void lost()
  }
}

function hear(bytes: Uint8Array): void {
  const message = decodeFeed(bytes)
  if (message.type === 'malformed') return
  attempts = 0
  heardAtMs = nowMs()
  if (message.type === 'band') {
    if (toHex(message.bandId) === watched.bandId) watched.told()
    return
  }
  if (message.type === 'steps') {
    if (toHex(message.bandId) !== watched.bandId) return
    const steps = [...message.steps.toReversed(), ...bandSteps.value.steps]
    const dropped = Math.max(0, steps.length - bandStepsMax)
    bandSteps.value = {
      steps: steps.slice(0, bandStepsMax),
      missed: bandSteps.value.missed + message.left + dropped,
    }
    return
  }
  const point = mergeFeed(before.point, message)
  if (point === undefined) return
  pastSince.value = followAlarms(fleet.value?.alarms ?? [], pastSince.value, point, latest.value)
  before.point = point
  latest.value = point
  toldAtMs.value = heardAtMs
  tick.value = Math.max(tick.value, heardAtMs)
  if (message.type === 'changed') points.value = addPoint(points.value, point)
}

async function lost(): Promise<void> {
  const waitMs = waitsMs[Math.min(attempts, waitsMs.length - 1)] ?? 0
  const sinceMs = connection.value.type === 'lost' ? connection.value.sinceMs : nowMs()
  attempts += 1
  connection.value = { type: 'lost', sinceMs, againAtMs: nowMs() + waitMs }
  stopWaiting = after(waitMs, () => {
    stopWaiting = undefined
    connect()
  })
  // A session that has ended closes the feed too; an operator who is signed out is asked to sign in instead of waiting.
  await readSession()
  if (session.value?.signedIn !== true) stopFeed()
}

async function readFleet(): Promise<void> {
  const answered = await get<FleetAnswer>(operatorPaths.fleet, [
    'version',
    'budget',
    'alarms',
    'history',
    'startedAtMs',
  ])
  if (!answered.ok) return
  const { answer } = answered
  if (fleet.value !== undefined && fleet.value.startedAtMs !== answer.startedAtMs) {
    restartedAtMs.value = answer.startedAtMs
  }
  fleet.value = answer
  points.value = withHistory(points.value, pointsOf(answer.history))
  let since: PastSince = new Map()
  points.value.forEach((point, at) => {
    since = followAlarms(answer.alarms, since, point, points.value[at - 1])
  })
  pastSince.value = since
}

function sendWatch(): void {
  if (socket?.readyState !== WebSocket.OPEN) return
  socket.send(
    encodeFeed({ type: 'watch', bandId: watched.bandId === '' ? new Uint8Array(0) : fromHex(watched.bandId) }),
  )
}

// WebSocket server of the page's live feed, over ws (its one door here). One timer for all viewers, there only while there is a viewer:
// without one nothing is read, computed or kept.

import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { type ServerOptions, type WebSocket, WebSocketServer } from 'ws'
import { toHex, fromHex } from '../../base/bytes.ts'
import { type BandId, parseBandId } from '../../protocol/ids.ts'
import {
  type BandStep,
  type FeedMessage,
  type FeedValue,
  decodeFeedAsk,
  encodeFeed,
  feedAskBytesMax,
  feedSubprotocol,
} from '../../protocol/messages/operator-feed.ts'
import { changesOf } from './feed-changes.ts'
import { operatorLimits } from '../ports/limits.ts'
import type { OperatorPorts, OwnFigures } from '../ports/ports.ts'
import type { OperatorSession, OperatorSessions } from '../guards/sessions.ts'

export type Feed = {
  readonly viewers: () => number
  /** Whether one more viewer of this operator has room. */
  readonly hasRoom: (session: OperatorSession) => boolean
  /** Takes an upgrade whose origin and session are good. */
  readonly take: (request: IncomingMessage, socket: Duplex, head: Buffer, viewer: NewViewer) => void
  readonly stop: () => void
}

type NewViewer = { readonly session: OperatorSession; readonly cookie: string }

type Viewer = {
  readonly socket: WebSocket
  readonly name: string
  isAlive: boolean
  asksLeft: number
  band: WatchedBand | undefined
}

type WatchedBand = Untold & { readonly id: BandId; readonly unwatch: () => void }

/** Since the message before. */
type Untold = {
  moved: boolean
  /** At most as many as one message tells; `left` more were before them. */
  steps: BandStep[]
  left: number
}

const untold = (): Untold => ({ moved: false, steps: [], left: 0 })

/** Close codes (RFC 6455 §7.4.1, and 4000 and up for applications). */
const codes = { goingAway: 1001, policy: 1008, tooBig: 1009, sessionEnded: 4001 } as const
/** Every so many messages a peer must have answered a ping. */
const ticksPerPing = 30

/** The limits of D4. `closeTimeout` is newer than the type declarations. */
const socketOptions: ServerOptions & { readonly closeTimeout: number } = {
  noServer: true,
  clientTracking: false,
  maxPayload: feedAskBytesMax,
  perMessageDeflate: false,
  maxFragments: operatorLimits.feedFragmentsMax,
  maxBufferedChunks: operatorLimits.feedBufferedChunksMax,
  closeTimeout: operatorLimits.feedCloseTimeoutMs,
  handleProtocols: (offered) => (offered.has(feedSubprotocol) ? feedSubprotocol : false),
}

export function createFeed(
  ports: Pick<OperatorPorts, 'clock' | 'chores' | 'figures' | 'engine' | 'log'>,
  sessions: OperatorSessions,
  own: () => Omit<OwnFigures, 'viewers'>,
): Feed {
  const { clock, chores, figures, engine, log } = ports
  const { feedEveryMs, viewersMax, viewersPerOperatorMax, feedBufferedBytesMax, feedAsksPerSecond } = operatorLimits
  const server = new WebSocketServer(socketOptions)
  const viewers = new Set<Viewer>()
  let shown: readonly FeedValue[] = []
  let ticks = 0
  let cancel: (() => void) | undefined

  function values(): readonly FeedValue[] {
    return figures.values({ viewers: viewers.size, ...own() })
  }

  function begin(viewer: Viewer): void {
    viewers.add(viewer)
    if (cancel === undefined) {
      shown = values()
      cancel = chores.every('operators-feed', { everyMs: feedEveryMs, work: tick })
    }
    send(viewer, { type: 'whole', atMs: clock.nowMs(), values: shown })
  }

  function end(viewer: Viewer): void {
    if (!viewers.delete(viewer)) return
    viewer.band?.unwatch()
    if (viewers.size > 0) return
    cancel?.()
    cancel = undefined
    shown = []
  }

  function tick(): void {
    sessions.dropOver()
    const isPing = ++ticks % ticksPerPing === 0
    const now = values()
    const bytes = encodeFeed({ type: 'changed', atMs: clock.nowMs(), changes: changesOf(shown, now) })
    shown = now
    for (const viewer of viewers) {
      viewer.asksLeft = feedAsksPerSecond
      sendBytes(viewer, bytes)
      if (viewer.band !== undefined) tellOfBand(viewer, viewer.band)
      if (isPing) ping(viewer)
    }
  }

  function tellOfBand(viewer: Viewer, band: WatchedBand): void {
    const bandId = fromHex(band.id)
    if (band.moved) send(viewer, { type: 'band', bandId })
    if (band.steps.length > 0) send(viewer, { type: 'steps', bandId, left: band.left, steps: band.steps })
    Object.assign(band, untold())
  }

  function ping(viewer: Viewer): void {
    if (viewer.isAlive) {
      viewer.isAlive = false
      viewer.socket.ping()
    } else viewer.socket.terminate()
  }

  function send(viewer: Viewer, message: FeedMessage): void {
    sendBytes(viewer, encodeFeed(message))
  }

  function sendBytes({ socket }: Viewer, bytes: Uint8Array): void {
    // Backpressure: a slow reader is not waited for; it comes back and is told everything anew.
    if (socket.bufferedAmount > feedBufferedBytesMax) socket.terminate()
    else if (socket.readyState === socket.OPEN) socket.send(bytes)
  }

  function watch(viewer: Viewer, asked: Uint8Array): void {
    viewer.band?.unwatch()
    viewer.band = undefined
    if (asked.length === 0) return
    const id = parseBandId(toHex(asked))
    const stopMoves = engine.watchBand(id, () => (band.moved = true))
    const stopSteps = engine.watchSteps(id, (step) => {
      band.steps.push(step)
      if (band.steps.length <= operatorLimits.feedStepsMax) return
      band.steps.shift()
      band.left++
    })
    const unwatch = (): void => {
      stopMoves()
      stopSteps()
    }
    const band: WatchedBand = { id, unwatch, ...untold() }
    viewer.band = band
  }

  function heard(viewer: Viewer, data: Uint8Array, isBinary: boolean): void {
    if (viewer.asksLeft-- <= 0) return viewer.socket.close(codes.policy, 'too many asks')
    const ask = isBinary ? decodeFeedAsk(data) : undefined
    if (ask === undefined || 'expected' in ask) return viewer.socket.close(codes.policy, 'malformed')
    watch(viewer, ask.bandId)
  }

  return {
    viewers: () => viewers.size,
    hasRoom({ name }) {
      const own = [...viewers].filter((one) => one.name === name).length
      return viewers.size < viewersMax && own < viewersPerOperatorMax
    },
    take(request, socket, head, { session, cookie }) {
      server.handleUpgrade(request, socket, head, (opened) => {
        const viewer: Viewer = {
          socket: opened,
          name: session.name,
          isAlive: true,
          asksLeft: feedAsksPerSecond,
          band: undefined,
        }
        const forget = sessions.onEnd(cookie, () => opened.close(codes.sessionEnded, 'session ended'))
        opened.on('close', () => {
          forget()
          end(viewer)
        })
        opened.on('error', (error) => log('info', 'feed.socket-failed', { message: error.message }))
        opened.on('pong', () => (viewer.isAlive = true))
        opened.on('message', (data, isBinary) => heard(viewer, bytesOf(data), isBinary))
        begin(viewer)
      })
    },
    stop() {
      for (const { socket } of viewers) socket.close(codes.goingAway, 'stopping')
      for (const viewer of viewers) end(viewer)
      server.close()
    },
  }
}

/** `binaryType` is the default, so it is one Buffer; the other shapes of ws do not come up. */
function bytesOf(data: Buffer | ArrayBuffer | Buffer[]): Uint8Array {
  if (data instanceof ArrayBuffer) return new Uint8Array(data)
  return Array.isArray(data) ? Buffer.concat(data) : data
}

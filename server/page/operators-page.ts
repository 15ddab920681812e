// The operators' page of a running server: everything that its listener asks for, put together. A page that cannot have its port
// by itself takes another; nothing of it may keep the phones' listener from its work.

import { join } from 'node:path'
import type { Engine } from '../../engine/engine.ts'
import type { Chores } from '../../engine/ports/chores.ts'
import type { Clock } from '../../engine/ports/clock.ts'
import { Fault } from '../../engine/ports/fault.ts'
import type { OperatorListener, OperatorOptions } from '../../operators/listen.ts'
import type { Decisions, OidcSettings, OperatorPorts, ServerActs, VendorAct } from '../../operators/ports/ports.ts'
import type { FleetAnswer } from '../../protocol/operator-api.ts'
import { answerBudget } from '../settings/answer-budget.ts'
import type { DataFolder } from '../documents/data-folder.ts'
import { codeOf } from '../files/error-code.ts'
import { followOperators } from '../documents/followed-operators.ts'
import type { LastMinute } from '../figures/last-minute.ts'
import { ListError } from '../documents/list-lock.ts'
import { restoreVendor, revokeVendor } from '../documents/lists.ts'
import type { Log } from '../log/log.ts'
import { sessionKeeper } from './kept-sessions.ts'
import type { KnownDocuments } from '../documents/known-documents.ts'
import { nextTurn } from '../machine/next-turn.ts'
import { feedHistory, feedValuesOf } from './operator-figures.ts'
import { partnersSeen, settingsSeen, vendorsSeen } from './operator-lists.ts'
import { readPrivateFile } from '../files/private-file.ts'
import { memoryBytes } from '../figures/process-memory.ts'
import { realClock } from '../machine/real-clock.ts'
import { realPrimitives } from '../machine/real-primitives.ts'
import type { ServerConfig } from '../settings/settings.ts'
import type { Surroundings } from '../documents/surroundings.ts'
import { statusOf } from '../documents/vendor-list.ts'

export type PageParts = {
  readonly config: ServerConfig
  readonly log: Log
  readonly clock: Clock
  readonly chores: Chores
  readonly folder: DataFolder
  readonly surroundings: Surroundings
  readonly engine: Engine
  readonly documents: KnownDocuments
  readonly lastMinute: LastMinute
  readonly decisions: Decisions
  /** What stands in FleetAnswer and is not known here. */
  readonly about: () => Pick<FleetAnswer, 'version' | 'startedAtMs' | 'listener'>
  /** The port that phones have. */
  readonly phonesPort: number
  readonly drain: () => void
  readonly isDraining: () => boolean
  /** Connections that open files allow. */
  readonly connectionsMax: number
  readonly areFilesScarce: () => boolean
}

export type OperatorsPage = {
  readonly url: string
  /** Reads the list of operators now, if it changed. */
  readonly reload: () => void
  readonly stop: () => Promise<void>
}

/** Where the page lies when it was built. */
const pageFolder = join(import.meta.dirname, '..', '..', '.build', 'dashboard')

/** Opens the page; undefined when it is off. Rejects with a Fault that says what to do. */
export async function openOperatorsPage(parts: PageParts): Promise<OperatorsPage | undefined> {
  const { config, log, clock, chores, folder, engine, decisions } = parts
  const { port } = config.operators
  if (port === 'off') return undefined
  const operators = followOperators(folder.places.operators, chores, log, parts.surroundings.readLists)
  const ports: OperatorPorts = {
    clock,
    chores,
    random: (length) => realPrimitives.randomBytes(length),
    log,
    operators,
    sessions: sessionKeeper(folder.path, folder.keyring, parts),
    engine: engine.operators,
    decisions,
    acts: serverActs(parts),
    pause: nextTurn,
    figures: figuresOf(parts),
    lists: {
      partners: () => partnersSeen(parts.surroundings.listed()),
      vendors: () => vendorsSeen(parts.surroundings.listed()),
      settings: () => settingsSeen(config),
    },
  }
  try {
    const listener = await listening(parts, ports)
    log('info', 'operators.listening', { url: listener.url, operators: operators.all().length })
    return {
      url: listener.url,
      reload: () => operators.reload(),
      async stop() {
        operators.stop()
        await listener.close()
      },
    }
  } catch (error) {
    operators.stop()
    throw error
  }
}

async function listening(parts: PageParts, ports: OperatorPorts): Promise<OperatorListener> {
  const { config, log, phonesPort } = parts
  const { host, port, origin, sessions } = config.operators
  const oidc = oidcOf(parts)
  // Loaded only where there is a page: an engine without one has none of it in memory.
  const { listenForOperators } = await import('../../operators/listen.ts')
  const options = (wanted: number): OperatorOptions => ({
    connectionsMax: parts.connectionsMax,
    areFilesScarce: parts.areFilesScarce,
    host,
    port: wanted,
    origin,
    sessionTimes: sessions,
    oidc,
    pageFolder,
  })
  const listen = (wanted: number) => listenForOperators(options(wanted), ports)
  if (port !== 'auto') {
    try {
      return await listen(Number(port))
    } catch (error) {
      throw new Fault('data-in-use', `the operators' page cannot have ${host}:${port}: ${said(error)}`, {
        cause: error,
      })
    }
  }
  if (config.port === 0 || phonesPort >= portMax) return listen(0)
  try {
    return await listen(phonesPort + 1)
  } catch (error) {
    if (codeOf(error) !== 'EADDRINUSE') throw error
    log('warning', 'operators.port-taken', {
      port: phonesPort + 1,
      does: 'takes a free one; set operators.port for a fixed one',
    })
    return listen(0)
  }
}

const portMax = 65_535

function said(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function figuresOf({
  config,
  engine,
  lastMinute,
  surroundings,
  about,
  isDraining,
}: PageParts): OperatorPorts['figures'] {
  const { durability, heartbeatS, operators } = config
  return {
    fleet: () => ({
      ...about(),
      nowMs: realClock.nowMs(),
      durability,
      heartbeatS,
      budget: answerBudget,
      alarms: operators.alarms,
      history: feedHistory(lastMinute, operators.alarms),
    }),
    values: (own) => {
      const { second, minuteAnswered } = lastMinute.history().at(-1) ?? {}
      const now = { counts: engine.status(), memory: memoryBytes(), isDraining: isDraining() }
      return feedValuesOf({ ...now, second, minuteAnswered, own, listChanges: surroundings.changes() })
    },
  }
}

function serverActs({ folder, surroundings, drain, isDraining, log }: PageParts): ServerActs {
  const place = folder.places.vendors
  return {
    drain,
    isDraining,
    vendorBlocked({ act, vendor, model }) {
      const listed = surroundings.listed().vendors.find((one) => one.vendor === vendor)
      if (listed === undefined) return `no vendor ${vendor} is listed`
      const isRevoked = listed.revoked.some((one) => one.model === (model ?? null) && one.batch === null)
      if (act === 'revoke-vendor') return isRevoked ? 'that is revoked already' : undefined
      if (isRevoked) return undefined
      const isAbove = model !== undefined && statusOf(listed, model, 0) === 'revoked'
      return isAbove ? 'the whole vendor is revoked, not this model' : 'that is not revoked'
    },
    changeVendor(act) {
      try {
        changedVendor(act)
        surroundings.reload()
        return { type: 'done' }
      } catch (error) {
        const isInUse = error instanceof Fault && error.code === 'data-in-use'
        if (error instanceof ListError || isInUse) return { type: 'refused', message: error.message }
        if (!(error instanceof Fault) || error.code !== 'not-written') throw error
        // The journal has a reserve for a full disk, the list has none. Its path is for the log.
        log('error', 'operators.list-not-written', { error })
        return {
          type: 'refused',
          message: `the list of vendors could not be written (${codeOf(error.cause) ?? 'unknown'})`,
        }
      }
    },
  }

  function changedVendor({ act, vendor, model }: VendorAct): void {
    const part = { vendor, model: model ?? null, batch: null }
    if (act === 'revoke-vendor') revokeVendor(place, part, realClock.nowMs())
    else restoreVendor(place, part)
  }
}

function oidcOf({ config, surroundings }: PageParts): OidcSettings | undefined {
  const { issuer, clientId, clientSecretFile, clientAuth, scopes, rolesClaim, roles, name } = config.operators.oidc
  if (issuer === undefined || clientId === undefined || clientSecretFile === undefined) return undefined
  const clientSecret = surroundings.follow(clientSecretFile, () => {
    const secret = readPrivateFile(clientSecretFile)?.trim()
    if (secret !== undefined && secret !== '') return secret
    throw new Fault('keys-missing', `${clientSecretFile}: the client secret of ${issuer} expected, there is none`)
  })
  return { issuer, clientId, clientSecret, clientAuth, scopes, rolesClaim, roles, name }
}

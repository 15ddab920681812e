// Mapping from settings to limits. From the configuration as operators write it to what engine and listener take.

import type { EngineConfig } from '../../engine/core/config.ts'
import { type ListenLimits, defaultLimits } from '../../transport/limits.ts'
import type { ServerConfig } from './settings.ts'

/** The engine's part of the configuration. */
export function engineConfigOf(config: ServerConfig, version: string): EngineConfig {
  const { bands, sessions, pairing, account } = config
  return {
    heartbeatS: config.heartbeatS,
    resumeWindowMs: sessions.resumeWindowMs,
    authDeadlineMs: sessions.authDeadlineMs,
    awakeBandsMax: bands.awakeMax,
    awakeIdleMs: bands.awakeIdleMs,
    linksMax: bands.linksMax,
    sessionsMax: sessions.max,
    pairingWindowsMax: pairing.windowsMax,
    pairingFailuresPerAccount: pairing.failuresPerAccount,
    pairingFailuresPerAddress: pairing.failuresPerAddress,
    accountFramesPerSecond: account.frames.perSecond,
    accountFramesBurst: account.frames.burst,
    accountRecordsPerSecond: account.records.perSecond,
    accountRecordsBurst: account.records.burst,
    gateDepthMax: config.gate.depthMax,
    gateWaitMaxMs: config.gate.waitMaxMs,
    hellosMax: config.sessions.hellosMax,
    armedMs: bands.armedMs,
    delays: config.delays,
    limits: config.limits,
    viewFlushMs: config.view.flushMs,
    viewFlushRecords: config.view.flushRecords,
    approveBeforeProven: config.view.approveBeforeProven,
    issuer: config.issuer,
    receiptLifeS: config.receipts.lifeS,
    engineVersion: version,
    clockAheadMaxMs: config.clock.aheadMaxMs,
    clockAcceptBehindLsn: config.clock.acceptBehind,
    framesPerSecond: config.network.phone.frames.perSecond,
  }
}

/** The listener's part of the configuration. */
export function listenLimitsOf({ network }: ServerConfig): ListenLimits {
  const { phone, hub, address } = network
  return {
    ...defaultLimits,
    kinds: {
      phone: { ...defaultLimits.kinds.phone, ...phone },
      hub: { ...defaultLimits.kinds.hub, ...hub },
    },
    bufferedBytesMax: network.bufferedBytesMax,
    idleTimeoutMs: network.idleTimeoutMs,
    requestTimeoutMs: network.requestTimeoutMs,
    connectionsMax: network.connectionsMax,
    socketsMax: network.socketsMax,
    socketsPerAddressMax: address.socketsMax,
    connectionsPerAddress: address.connections,
    requestsPerAddress: address.requests,
    framesPerAddress: address.frames,
  }
}

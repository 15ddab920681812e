// Options of a load, in two parts: the fleet, which is brought and linked once, and a stretch of load on it.

import type { Profile } from './profile.ts'

export type FleetOptions = {
  /** ws://host:port */
  readonly url: string
  /** The token, not its file. */
  readonly adminToken: string
  readonly bands: number
  /** Two fleets of one seed are the same; an engine takes each only once. */
  readonly seed: string
  readonly sessions: 'phone' | 'hub' | 'auto'
  /** Hub sessions of all threads together; as many as fit the fleet unless given. */
  readonly hubs?: number
  readonly workers: number
  /** Bands being linked at once, all threads together; 256 unless given. */
  readonly linkWindow?: number
}

export type MeasureOptions = {
  readonly profile: Profile
  /** Requests a second, where the profile's curve says 1. */
  readonly rate: number
  readonly seconds: number
  /** The same load before it, not counted; s. */
  readonly warmupSeconds?: number
}

// Lookup of load profiles: one of ours by name, or a file of the user's.

import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Profile, ProfileError, parseProfile } from './profile/profile.ts'

const folder = join(import.meta.dirname, 'profiles')

/** The profiles that come with Bandpass, by name. */
export function profileNames(): readonly string[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .map((file) => file.slice(0, -'.json'.length))
    .sort()
}

/** The profile of this name, or in this file. Throws a ProfileError that says what was expected. */
export function loadProfile(nameOrPath: string): Profile {
  const names = profileNames()
  const isOurs = names.includes(nameOrPath)
  if (!isOurs && !/[./]/.test(nameOrPath)) {
    throw new ProfileError(
      `profile: one of ${names.join(', ')}, or a path of a JSON file expected, got "${nameOrPath}"`,
    )
  }
  const path = isOurs ? join(folder, `${nameOrPath}.json`) : nameOrPath
  return parseProfile(textOf(path), path)
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new ProfileError(`profile ${path}: ${error instanceof Error ? error.message : String(error)}`)
  }
}

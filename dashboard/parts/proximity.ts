// Names of the proximity levels.

const names = ['none', 'signal strength', 'tap', 'ranging', 'touch'] as const

/** A level, 0 to 4, with its name. */
export function proximityName(level: number): string {
  const name = names[level]
  return name === undefined ? String(level) : `${level} ${name}`
}

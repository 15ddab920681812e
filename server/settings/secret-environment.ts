// Environment variables that hold secrets: taken out of the process's environment as they are read, so that no child, no thread and no
// report that prints the environment has them. The block that the process was started with stays as it was: /proc/<pid>/environ shows it
// to the engine's user and to root.

export type Environment = Readonly<Record<string, string | undefined>>

const secretNames = ['BANDPASS_MASTER_KEY', 'BANDPASS_MASTER_KEY_OLD'] as const

/** The environment as it was, without its secrets from here on. */
export function takeEnvironment(from: NodeJS.ProcessEnv): Environment {
  const taken = { ...from }
  for (const name of secretNames) delete from[name]
  return taken
}

// Sanitized environment of a process that reads what may be hostile: nothing of ours, but where the system's linker finds what Node needs.

const namesKept = ['LD_LIBRARY_PATH', 'DYLD_LIBRARY_PATH'] as const

export function childEnvironment(from: Readonly<Record<string, string | undefined>>): NodeJS.ProcessEnv {
  return Object.fromEntries(namesKept.flatMap((name) => (from[name] === undefined ? [] : [[name, from[name]]])))
}

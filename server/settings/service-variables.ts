// Service environment variables: what Kubernetes, and container links before it, put into the environment of every container for each
// Service (kubernetes.io/docs, "Accessing the Service": `{SVCNAME}_SERVICE_HOST`, `{SVCNAME}_PORT`). A Service that is called `bandpass`,
// or `bandpass-operators`, so sets variables with names of ours, whose values are never a setting.

/** For a Service, where it is and by which names; by the forms of their names alone. */
const namesOfServices =
  /^[A-Z][A-Z0-9_]*_(?:SERVICE_HOST|SERVICE_PORT(?:_[A-Z0-9_]+)?|PORT_\d{1,5}_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)$/

/** `{SVCNAME}_PORT`, which may be the name of a setting too: then its value tells. */
const isAddress = (value: string): boolean => /^(?:tcp|udp|sctp):\/\/\S+$/i.test(value.trim())

/** Whether a variable is one that is set for a Service. */
export function isServiceVariable(name: string, value: string): boolean {
  return namesOfServices.test(name) || (name.endsWith('_PORT') && isAddress(value))
}

/** Those of an environment that have a name as ours have; sorted. */
export function serviceVariables(environment: Readonly<Record<string, string | undefined>>): readonly string[] {
  return Object.entries(environment)
    .filter(([name, value]) => name.startsWith('BANDPASS_') && isServiceVariable(name, value ?? ''))
    .map(([name]) => name)
    .toSorted()
}

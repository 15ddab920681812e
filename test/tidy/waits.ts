// Lint rule that finds stale reads (time of check to time of use): what a function read from the engine's rows before it waited,
// and uses after. While it waits, a freeze, a veto or another engine's record may have changed it; it is to be read again. A walk
// over the syntax tree, in the order of the source.

import { parseSync } from 'vite'

/** `variable` of `name` was read before a wait and is used behind it. */
export type StaleUse = { readonly name: string; readonly variable: string }

type Node = { readonly type: string; readonly start: number; readonly end: number } & Readonly<Record<string, unknown>>

/** Functions that give rows, or what is reckoned from rows. */
const rowReaders =
  /^(accountRow|accountHolds|accountHoldsOn|holdsInForce|holdsNow|bandsOf|bandPages|ownBand|aimAt|decisionsBefore|findBand)$/
/** Objects whose `get` and `range` read rows. */
const rowSources = /(^|\.)(ledger|rows|view)$/
/** Parameters of these types are rows. */
const rowTypes = /\b(Band|Account|Phone|Ratchet|Reference|Usage|History|Alarm)Row\b|\bBandOutcome\b/
/** Calls whose callbacks run later. */
const laterCalls = /(^|\.)(whenDurable|then|finally|after|catch)$/

export function staleUsesOf(code: string): readonly StaleUse[] {
  const { program } = parseSync('source.ts', code)
  const found: StaleUse[] = []
  for (const made of functionsIn(asNode(program), '(file)')) found.push(...staleIn(made, code))
  const seen = new Set<string>()
  return found.filter(({ name, variable }) => !seen.has(`${name} ${variable}`) && seen.add(`${name} ${variable}`))
}

type Made = { readonly name: string; readonly node: Node }

function* functionsIn(node: Node, name: string): Generator<Made> {
  const own = nameOf(node) ?? name
  if (isFunction(node)) yield { name: own, node }
  for (const child of childrenOf(node)) yield* functionsIn(child, own)
}

function staleIn({ name, node }: Made, code: string): readonly StaleUse[] {
  const waits: Span[] = []
  const reads: Read[] = []
  const uses: { readonly variable: string; readonly at: number }[] = []
  const later: Node[] = []
  /** Where a variable is written, which is no use of it. */
  const written = new Set<number>()
  for (const parameter of nodesOf(node['params'])) {
    const typed = /:/.test(code.slice(parameter.start, parameter.end)) ? code.slice(parameter.start, parameter.end) : ''
    if (parameter.type === 'Identifier' && rowTypes.test(typed))
      reads.push({ variable: String(parameter['name']), at: parameter.end })
  }
  for (const one of within(node)) {
    if (one.type === 'AwaitExpression') waits.push(one)
    if (one.type === 'ForOfStatement' && one['await'] === true)
      waits.push({ start: one.start, end: asNode(one['body']).start })
    if (one.type === 'VariableDeclarator' && one['init'] !== null && readsRows(asNode(one['init']), code))
      for (const variable of boundBy(asNode(one['id']))) reads.push({ variable, at: one.end })
    if (one.type === 'AssignmentExpression' && asNode(one['left']).type === 'Identifier') {
      const { start, ...left } = asNode(one['left'])
      written.add(start)
      reads.push({ variable: String(left['name']), at: one.end })
    }
    if (one.type === 'CallExpression' && laterCalls.test(textOf(asNode(one['callee']), code)))
      later.push(...nodesOf(one['arguments']).filter(isFunction))
  }
  for (const one of everything(node)) {
    if (one.type === 'Identifier' && !written.has(one.start))
      uses.push({ variable: String(one['name']), at: one.start })
  }
  const stale = (variable: string, at: number): boolean => {
    const newest = reads.filter((read) => read.variable === variable && read.at < at).at(-1)
    if (newest === undefined) return false
    const isAfterWait = waits.some(({ start, end }) => start >= newest.at && end <= at)
    const isLater = later.some(({ start, end }) => newest.at <= start && start <= at && at <= end)
    return isAfterWait || isLater
  }
  return uses.filter(({ variable, at }) => stale(variable, at)).map(({ variable }) => ({ name, variable }))
}

type Span = { readonly start: number; readonly end: number }
type Read = { readonly variable: string; readonly at: number }

/** Does this expression read rows, in this function itself? */
function readsRows(node: Node, code: string): boolean {
  for (const one of [node, ...within(node)]) {
    if (one.type === 'MemberExpression' && /^(row|rows)$/.test(textOf(asNode(one['property']), code))) return true
    if (one.type !== 'CallExpression') continue
    const callee = textOf(asNode(one['callee']), code)
    if (rowReaders.test(callee)) return true
    const [, source = '', method = ''] = /^(.*)\.(\w+)$/s.exec(callee) ?? []
    if (/^(get|range)$/.test(method) && rowSources.test(source)) return true
  }
  return false
}

/** Every node of a function but those of functions inside it. */
function* within(node: Node): Generator<Node> {
  for (const child of childrenOf(node)) {
    if (isFunction(child)) continue
    yield child
    yield* within(child)
  }
}

function* everything(node: Node): Generator<Node> {
  for (const child of childrenOf(node)) {
    yield child
    yield* everything(child)
  }
}

function boundBy(pattern: Node): readonly string[] {
  if (pattern.type === 'Identifier') return [String(pattern['name'])]
  return [...everything(pattern)].filter((node) => node.type === 'Identifier').map((node) => String(node['name']))
}

function isFunction(node: Node): boolean {
  return /^(FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/.test(node.type)
}

function nameOf(node: Node): string | undefined {
  const named = node.type === 'MethodDefinition' ? node['key'] : node.type === 'Property' ? node['key'] : node['id']
  if (!/^(FunctionDeclaration|MethodDefinition|VariableDeclarator|Property)$/.test(node.type)) return undefined
  return isNode(named) && typeof named['name'] === 'string' ? named['name'] : undefined
}

function textOf(node: Node, code: string): string {
  return code.slice(node.start, node.end).replaceAll(/\s|\?/g, '')
}

function childrenOf(node: Node): readonly Node[] {
  return Object.entries(node).flatMap(([key, value]) => {
    // Types read nothing, and the name of a property that is not computed is no variable.
    if (/^(typeAnnotation|returnType|typeParameters|typeArguments)$/.test(key)) return []
    const isName =
      (key === 'property' && node.type === 'MemberExpression') || (key === 'key' && node.type === 'Property')
    if (isName && node['computed'] !== true) return []
    return nodesOf(value)
  })
}

function nodesOf(value: unknown): readonly Node[] {
  if (Array.isArray(value)) return value.filter(isNode)
  return isNode(value) ? [value] : []
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && 'start' in value && 'end' in value
}

function asNode(value: unknown): Node {
  if (!isNode(value)) throw new TypeError('a node of the syntax tree expected')
  return value
}

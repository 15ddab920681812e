// Lint rule that finds bare timers: `setTimeout`, `setInterval` and `setImmediate` by whatever name, called or handed on. What
// runs in one has no owner for its failure; background work belongs to `Chores`. A walk over the syntax tree.

import { parseSync } from 'vite'

const timers = ['setTimeout', 'setInterval', 'setImmediate'] as const
const timerModules = ['timers', 'node:timers', 'timers/promises', 'node:timers/promises']
const globals = ['globalThis', 'global', 'window', 'self']

type Node = { readonly type: string } & Readonly<Record<string, unknown>>

/** The bare timers that a file reaches for, each once, sorted; what it takes from `node:timers` counts as well. */
export function bareTimersOf(code: string): readonly string[] {
  const found = new Set<string>()
  for (const node of everything(asNode(parseSync('source.ts', code).program))) {
    if (node.type === 'ImportDeclaration' && timerModules.includes(textOf(node['source'], 'value'))) {
      for (const one of nodesOf(node['specifiers'])) found.add(importedName(one))
    }
    if (node.type === 'ImportExpression' && timerModules.includes(textOf(node['source'], 'value')))
      found.add('import()')
    if (node.type === 'Identifier' && isTimer(textOf(node, 'name'))) found.add(textOf(node, 'name'))
    if (node.type === 'MemberExpression' && globals.includes(textOf(node['object'], 'name'))) {
      const name = node['computed'] === true ? textOf(node['property'], 'value') : textOf(node['property'], 'name')
      if (isTimer(name)) found.add(name)
    }
  }
  return [...found].toSorted()
}

/** Does the file use the machine's clock for a timer past the owner of its failures, as `realClock.after`? */
export function usesRawClock(code: string): boolean {
  return [...everything(asNode(parseSync('source.ts', code).program))].some(
    (node) =>
      node.type === 'MemberExpression' &&
      textOf(node['object'], 'name') === 'realClock' &&
      textOf(node['property'], 'name') === 'after',
  )
}

function importedName(specifier: Node): string {
  const imported = specifier['imported']
  return isNode(imported) ? textOf(imported, 'name') : 'timers'
}

function isTimer(name: string): boolean {
  return timers.some((one) => one === name)
}

/** Every node but names that are no variables: of types, of properties that are not computed, and of imports, which count by their module. */
function* everything(node: Node): Generator<Node> {
  yield node
  if (node.type === 'ImportDeclaration') return
  for (const [key, value] of Object.entries(node)) {
    if (/^(typeAnnotation|returnType|typeParameters|typeArguments)$/.test(key)) continue
    const isName =
      (key === 'property' && node.type === 'MemberExpression') || (key === 'key' && /Property|Method/.test(node.type))
    if (isName && node['computed'] !== true) continue
    for (const child of nodesOf(value)) yield* everything(child)
  }
}

function nodesOf(value: unknown): readonly Node[] {
  if (Array.isArray(value)) return value.filter(isNode)
  return isNode(value) ? [value] : []
}

function textOf(value: unknown, field: 'name' | 'value'): string {
  const text = isNode(value) ? value[field] : undefined
  return typeof text === 'string' ? text : ''
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value
}

function asNode(value: unknown): Node {
  if (!isNode(value)) throw new TypeError('a node of the syntax tree expected')
  return value
}

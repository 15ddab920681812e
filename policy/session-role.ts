// Which scope opens which kind of session (PROTOCOL §8 "Account token"). One scope, one meaning: who holds a token for one kind
// of session has no role in the others.

/** What a session is once its hello is verified. */
export type SessionRole = 'phone' | 'web' | 'hub'

/**
 * The role that these scopes give at this path; undefined = none. Scopes of others are passed over, since issuers put their own
 * into every token; a token of two of ours is of neither.
 */
export function roleOf(path: 'phone' | 'hub', scopes: readonly string[]): SessionRole | undefined {
  const isHub = scopes.includes('hub')
  const isWeb = scopes.includes('web')
  if (isHub && isWeb) return undefined
  if (path === 'hub') return isHub ? 'hub' : undefined
  if (isHub) return undefined
  return isWeb ? 'web' : 'phone'
}

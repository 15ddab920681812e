// Type guards for parsed JSON.

export type JsonObject = Readonly<Record<string, unknown>>

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** `Array.isArray` says `any[]`. */
export function isUnknownList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value)
}

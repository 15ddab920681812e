// Role hierarchy of access control: a role may do all that those before it may.

import { type OperatorRole, operatorRoles } from '../../protocol/operator-api.ts'

export function may(role: OperatorRole, needed: OperatorRole | 'anybody'): boolean {
  return needed === 'anybody' || operatorRoles.indexOf(role) >= operatorRoles.indexOf(needed)
}

// Role checks for the UI: what the signed-in operator may do. The engine refuses by itself; here it only decides which buttons there are.

import { type OperatorActName, type OperatorRole, operatorActs, operatorRoles } from '../../protocol/operator-api.ts'
import { session } from './api.ts'

/** Whether the signed-in operator has at least this role. */
export function hasRole(least: OperatorRole): boolean {
  const { value } = session
  return value?.signedIn === true && operatorRoles.indexOf(value.role) >= operatorRoles.indexOf(least)
}

/** Whether the signed-in operator may do this. */
export function mayAct(act: OperatorActName): boolean {
  return hasRole(operatorActs[act].role)
}

// Every command there is.

import { auditVerify } from './audit.ts'
import { backupTo } from './backup.ts'
import type { Command } from './command.ts'
import { demo } from './demo.ts'
import { importBindings } from './import.ts'
import { inspect } from './inspect.ts'
import { rotateKeys, rotateMasterKey, showKeys } from './keys.ts'
import { loadtest } from './loadtest.ts'
import { operatorAdd, operatorList, operatorRemove, operatorToken } from './operator.ts'
import { partnerAdd, partnerList, partnerRemove, partnerRotate } from './partner.ts'
import { restoreFrom } from './restore.ts'
import { serve } from './serve.ts'
import { token } from './token.ts'
import { top } from './top.ts'
import { vendorAdd, vendorList, vendorRestore, vendorRevoke } from './vendor.ts'

export const commands: readonly Command[] = [
  serve,
  demo,
  loadtest,
  top,
  inspect,
  token,
  showKeys,
  rotateKeys,
  rotateMasterKey,
  partnerAdd,
  partnerRotate,
  partnerRemove,
  partnerList,
  vendorAdd,
  vendorRevoke,
  vendorRestore,
  vendorList,
  operatorAdd,
  operatorToken,
  operatorRemove,
  operatorList,
  importBindings,
  auditVerify,
  backupTo,
  restoreFrom,
]

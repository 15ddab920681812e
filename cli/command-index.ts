// What the overview shows of every command, and where the command itself is: that one is loaded when it is asked for, for it brings the
// whole engine along. A test compares names and summaries with the commands'.

import type { Command } from './command/command.ts'

export type IndexedCommand = Pick<Command, 'name' | 'summary'> & {
  readonly load: () => Promise<Command>
  /** It follows signals itself; any other is ended by the first order to end. */
  readonly followsSignals?: true
}

export const commandIndex: readonly IndexedCommand[] = [
  {
    name: 'serve',
    summary: 'Runs the engine.',
    load: async () => (await import('./engine/serve.ts')).serve,
    followsSignals: true,
  },
  {
    name: 'demo',
    summary: "Plays a wearer's day for many bands against a real engine, and shows what it decides and how fast.",
    load: async () => (await import('./demo/demo.ts')).demo,
  },
  {
    name: 'loadtest',
    summary: 'Loads a running engine with a simulated fleet, over real sockets, and reports latencies and decisions.',
    load: async () => (await import('./load/loadtest.ts')).loadtest,
  },
  {
    name: 'top',
    summary: 'Shows a running engine at work: decisions a second, how fast, and what might go wrong.',
    load: async () => (await import('./watch/top.ts')).top,
  },
  {
    name: 'inspect',
    summary: 'Shows one band of a running engine: state, holds, presence, limits, pending changes, last decisions.',
    load: async () => (await import('./watch/inspect.ts')).inspect,
  },
  {
    name: 'token',
    summary: 'Makes an account token, as if the wearer had just signed in. For engines that accept the local issuer.',
    load: async () => (await import('./lists/token.ts')).token,
  },
  {
    name: 'keys',
    summary: "Shows the public halves of the engine's keys: what band makers pin and partners verify with.",
    load: async () => (await import('./lists/keys.ts')).showKeys,
  },
  {
    name: 'keys rotate',
    summary: 'Rotates a key: receipt, engine or release.',
    load: async () => (await import('./lists/keys.ts')).rotateKeys,
  },
  {
    name: 'keys rotate-master',
    summary: 'Replaces the master key of a stopped engine and seals everything anew.',
    load: async () => (await import('./lists/keys.ts')).rotateMasterKey,
  },
  {
    name: 'partner add',
    summary: 'Lists a partner and prints its id and its offer key.',
    load: async () => (await import('./lists/partner.ts')).partnerAdd,
  },
  {
    name: 'partner rotate',
    summary: 'Gives a partner a new offer key; the one before stays valid until the next rotation.',
    load: async () => (await import('./lists/partner.ts')).partnerRotate,
  },
  {
    name: 'partner remove',
    summary: 'Takes a partner off the list: nothing it asks is approved any more.',
    load: async () => (await import('./lists/partner.ts')).partnerRemove,
  },
  {
    name: 'partner list',
    summary: 'Lists the partners, without their keys.',
    load: async () => (await import('./lists/partner.ts')).partnerList,
  },
  {
    name: 'vendor add',
    summary: 'Lists a vendor, or a further root key of one.',
    load: async () => (await import('./lists/vendor.ts')).vendorAdd,
  },
  {
    name: 'vendor revoke',
    summary: 'Revokes a vendor, a model or a batch: no more pairing, bound bands drop to the lowest limits.',
    load: async () => (await import('./lists/vendor.ts')).vendorRevoke,
  },
  {
    name: 'vendor restore',
    summary: 'Takes a revocation back.',
    load: async () => (await import('./lists/vendor.ts')).vendorRestore,
  },
  {
    name: 'vendor list',
    summary: 'Lists the vendors, their roots and what is revoked.',
    load: async () => (await import('./lists/vendor.ts')).vendorList,
  },
  {
    name: 'operator add',
    summary: "Lists an operator and prints the token that signs in to the operators' page.",
    load: async () => (await import('./lists/operator.ts')).operatorAdd,
  },
  {
    name: 'operator token',
    summary: 'Gives an operator a new token; the one before, the passkeys and the sessions of its operator end.',
    load: async () => (await import('./lists/operator.ts')).operatorToken,
  },
  {
    name: 'operator remove',
    summary: 'Takes an operator off the list; its sessions end, and its passkeys with it.',
    load: async () => (await import('./lists/operator.ts')).operatorRemove,
  },
  {
    name: 'operator list',
    summary: 'Lists the operators, without what they sign in with.',
    load: async () => (await import('./lists/operator.ts')).operatorList,
  },
  {
    name: 'import',
    summary: 'Takes bindings made elsewhere into a running engine, from a file.',
    load: async () => (await import('./lists/import.ts')).importBindings,
  },
  {
    name: 'audit verify',
    summary: 'Checks every record and the hash chain of the journal; of a stopped engine also the view, row by row.',
    load: async () => (await import('./engine/audit.ts')).auditVerify,
  },
  {
    name: 'backup',
    summary: 'Copies the data folder, beside a running engine too, and verifies the copy.',
    load: async () => (await import('./engine/backup.ts')).backupTo,
  },
  {
    name: 'restore',
    summary: 'Makes a data folder of a backup, verified, and lets its engine know that the world is further.',
    load: async () => (await import('./engine/restore.ts')).restoreFrom,
  },
]

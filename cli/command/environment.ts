// The environment of a command, taken before anything else runs: what `process.env` has afterwards holds no secret.

import { takeEnvironment } from '../../server/settings/secret-environment.ts'

export const environment = takeEnvironment(process.env)

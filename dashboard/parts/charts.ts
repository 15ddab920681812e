// Statecharts of the machines, generated: the build reads the machines, lays them out, and puts them in here by name.

import type { Charts } from '../build/chart.ts'

/** Defined by build/main.ts. */
declare const chartsOfMachines: Charts

export const charts: Charts = chartsOfMachines

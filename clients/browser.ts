/** A real Chromium without a window. The executable is CHROMIUM, or `chromium` of the path. */
import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { chromium, type Browser } from 'playwright-core'

export const executable = process.env.CHROMIUM ?? 'chromium'

/** Where it lies; undefined when there is none that runs. */
export function installed(): string | undefined {
  const places = executable.includes('/') ? [executable] : (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, executable))
  const path = places.find(isExecutable)
  return path !== undefined && spawnSync(path, ['--version'], { stdio: 'ignore' }).status === 0 ? path : undefined
}

/** @throws Error when there is no Chromium */
export async function launched(): Promise<Browser> {
  const executablePath = installed()
  if (executablePath === undefined) throw new Error(`there is no ${executable}: install chromium, or set CHROMIUM to its path`)
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit())
  // the browser and its profile go when the process exits, whatever ends it
  return chromium.launch({
    executablePath,
    handleSIGTERM: false,
    handleSIGINT: false,
    args: [
      '--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-dev-shm-usage', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync',
    ],
  })
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

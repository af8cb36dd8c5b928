#!/usr/bin/env node
/** The command line. Standard output carries the report and nothing else; the exit code is the verdict. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { client } from './client/invocation.ts'
import { catalogue, catalogueJson } from './catalogue.ts'
import { compare, knownFindings, referenceNames } from './compare.ts'
import { starter, starterName } from './config.ts'
import { explanation } from './explanation.ts'
import { judge } from './offline/command.ts'
import { parse, type Invocation } from './options.ts'
import { renderComparisonJson, renderMatrix } from './report/matrix.ts'
import { run } from './run.ts'
import { allRules } from './selection.ts'
import { test } from './test.ts'
import { announce, deliver, endQuietlyOnEpipe, interruptible, leaveWith, progress, surroundings, tooOld, unwritable, usageLine } from './terminal.ts'
import { Mistake, nearest, type UsageError } from './values.ts'
import { program } from '../servers/index.ts'

/** A mistake that only shows while a command runs is a usage error too. */
async function main(): Promise<number> {
  try {
    return await command()
  } catch (error) {
    if (!(error instanceof Mistake)) throw error
    return mistaken(error.usage)
  }
}

async function command(): Promise<number> {
  const old = tooOld(process.version)
  if (old) return complain(old)
  endQuietlyOnEpipe()
  const argv = process.argv.slice(2)
  const invocation = parse(argv, surroundings)
  switch (invocation.command) {
    case 'mistake':
      return mistaken(invocation.usage)
    case 'print':
      process.stdout.write(invocation.text)
      return 0
    case 'test':
    case 'configured':
      return test(invocation, argv)
    case 'init':
      return init(invocation)
    case 'compare':
      return sideBySide(invocation)
    case 'judge':
      return judge(invocation)
    case 'client':
      return client(invocation)
    case 'autobahn': {
      // its cases are hundreds of kilobytes, which no other command waits for
      const { autobahn } = await import('./autobahn/invocation.ts')
      return autobahn(invocation)
    }
    case 'rules':
      process.stdout.write(invocation.json ? catalogueJson(invocation.listing) : catalogue(invocation.listing))
      return 0
    case 'explain':
      process.stdout.write(explanation(invocation.subject))
      return 0
    case 'serve':
      return serve(invocation.args)
  }
}

function complain(line: string): number {
  process.stderr.write(`${line}\n`)
  return 2
}

const mistaken = (usage: UsageError): number => complain(usageLine(usage))

async function sideBySide({ run: options, urls, require, reports }: Extract<Invocation, { command: 'compare' }>): Promise<number> {
  const unknown = require.find((name) => !referenceNames.includes(name))
  if (unknown !== undefined) {
    const type = `--require ${nearest(unknown, referenceNames) ?? referenceNames[0] ?? ''}`
    return mistaken({ given: `--require ${unknown}, which is no reference server`, accepted: referenceNames.join(', '), type })
  }
  const single = reports.find(({ format }) => format !== 'console' && format !== 'json')
  if (single) return mistaken({ given: `--report ${single.format} for a comparison`, accepted: 'console and json', type: '--report json=comparison.json' })
  const blocked = unwritable(reports)
  if (blocked) return mistaken(blocked)
  const comparison = await compare({ run: options, urls, require }, knownFindings(), run, { signal: interruptible(), progress, announce })
  // a comparison that only writes files is still read by somebody
  const outputs = reports.some(({ file }) => file === undefined) ? reports : [{ format: 'console' as const }, ...reports]
  deliver(outputs, (format) => (format === 'json' ? renderComparisonJson(comparison) : renderMatrix(comparison, allRules, options.failOn)))
  return comparison.exitCode
}

/** Writes a config file to start from; never over one that is there. */
function init({ url }: Extract<Invocation, { command: 'init' }>): number {
  const there = surroundings.config
  if (there !== undefined) return mistaken({ given: `${there} is there already`, accepted: 'a directory without a config file', type: 'streamproof, to run it' })
  try {
    writeFileSync(starterName, starter(url), { flag: 'wx' })
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : ''
    return mistaken({ given: `${starterName} cannot be written here${code}`, accepted: 'a directory that can be written', type: 'cd elsewhere' })
  }
  process.stdout.write(`${starterName} written. Type: streamproof\n`)
  return 0
}

/** Passes on to the server; signals reach it with the process group, its exit code is ours. */
async function serve(args: readonly string[]): Promise<number> {
  const [file, ...rest] = program(args)
  const child = spawn(file, rest, { stdio: 'inherit' })
  const pass = (signal: NodeJS.Signals): void => void child.kill(signal)
  process.on('SIGINT', pass)
  process.on('SIGTERM', pass)
  await once(child, 'exit')
  return child.exitCode ?? 1
}

await leaveWith(main)

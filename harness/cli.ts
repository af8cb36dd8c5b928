#!/usr/bin/env node
/** The command line. Standard output carries the report and nothing else; the exit code is the verdict. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { NotReady } from './child.ts'
import { compare, knownFindings, referenceNames } from './compare.ts'
import { judged, rendered, type TestInvocation } from './judged.ts'
import { parse, type Invocation } from './options.ts'
import { plan } from './preview.ts'
import { renderComparisonJson, renderMatrix } from './report/matrix.ts'
import { visible } from './report/text.ts'
import { run } from './run.ts'
import { allRules } from './selection.ts'
import { announce, deliver, endQuietlyOnEpipe, interruptible, leaveWith, progress, surroundings, tooOld, unwritable, usageLine } from './terminal.ts'
import { nearest, type UsageError } from './values.ts'
import { command as serverCommand } from '../servers/index.ts'

async function main(): Promise<number> {
  const old = tooOld(process.version)
  if (old) return complain(old)
  endQuietlyOnEpipe()
  const invocation = parse(process.argv.slice(2), surroundings)
  switch (invocation.command) {
    case 'mistake':
      return mistaken(invocation.usage)
    case 'print':
      process.stdout.write(invocation.text)
      return 0
    case 'test':
      return test(invocation)
    case 'compare':
      return sideBySide(invocation)
    case 'rules':
      return listRules(invocation.json)
    case 'explain':
      return explain(invocation.rule)
    case 'serve':
      return serve(invocation.args)
  }
}

function complain(line: string): number {
  process.stderr.write(`${line}\n`)
  return 2
}

const mistaken = (usage: UsageError): number => complain(usageLine(usage))

async function test(invocation: TestInvocation): Promise<number> {
  const { run: options, reports, again } = invocation
  if (invocation.plan) {
    process.stdout.write(`${plan(options).map(visible).join('\n')}\n`)
    return 0
  }
  const blocked = unwritable(reports)
  if (blocked) return mistaken(blocked)
  try {
    const report = await judged(invocation, { signal: interruptible(), progress, announce })
    const command = `npx streamproof ${again}`
    deliver(reports, (format, color) => rendered(report, format, { failOn: options.failOn, command, color }))
    return report.exitCode
  } catch (error) {
    if (!(error instanceof NotReady)) throw error
    announce(error.message)
    return 3
  }
}

async function sideBySide({ run: options, urls, require, reports }: Extract<Invocation, { command: 'compare' }>): Promise<number> {
  const unknown = require.find((name) => !referenceNames.includes(name))
  if (unknown !== undefined) {
    const type = `--require ${nearest(unknown, referenceNames) ?? referenceNames[0] ?? ''}`
    return mistaken({ given: `--require ${unknown}, which is no reference server`, accepted: referenceNames.join(', '), type })
  }
  const junit = reports.find(({ format }) => format === 'junit')
  if (junit) return mistaken({ given: '--report junit for a comparison', accepted: 'console and json', type: '--report json=comparison.json' })
  const blocked = unwritable(reports)
  if (blocked) return mistaken(blocked)
  const comparison = await compare({ run: options, urls, require }, knownFindings(), run, { signal: interruptible(), progress, announce })
  // a comparison that only writes files is still read by somebody
  const outputs = reports.some(({ file }) => file === undefined) ? reports : [{ format: 'console' as const }, ...reports]
  deliver(outputs, (format) => (format === 'json' ? renderComparisonJson(comparison) : renderMatrix(comparison, allRules, options.failOn)))
  return comparison.exitCode
}

function listRules(asJson: boolean): number {
  const listed = allRules.map(({ id, level, promisedBy, clause, says, harm, fix }) => ({ id, level, promisedBy, clause, says, harm, fix }))
  if (asJson) process.stdout.write(`${JSON.stringify(listed, null, 2)}\n`)
  else {
    const width = Math.max(...listed.map(({ id }) => id.length))
    process.stdout.write(listed.map(({ id, level, says }) => `${id.padEnd(width)}  ${level.padEnd(8)}  ${says}\n`).join(''))
  }
  return 0
}

function explain(id: string): number {
  const rule = allRules.find((one) => one.id === id)
  if (!rule) throw new Error(`${id} was a rule a moment ago`)
  const promised = rule.promisedBy === undefined ? '' : `; contract on a driver that has ${rule.promisedBy}`
  process.stdout.write([
    rule.id,
    `  rule      ${rule.says}`,
    `  level     ${rule.level}${promised}`,
    `  clause    ${rule.clause}`,
    `  a client  ${rule.harm}`,
    `  fix       ${rule.fix}`,
    '  wrong twins that prove it can fail:',
    ...Object.entries(rule.mutants).map(([name, { fault }]) => `    ${name}${fault === undefined ? '' : ` (npm start -- --fault ${fault})`}`),
    '',
  ].join('\n'))
  return 0
}

/** Passes on to the server; signals reach it with the process group, its exit code is ours. */
async function serve(args: readonly string[]): Promise<number> {
  const [file, script = ''] = serverCommand('')
  const child = spawn(file, [script, ...args], { stdio: 'inherit' })
  const pass = (signal: NodeJS.Signals): void => void child.kill(signal)
  process.on('SIGINT', pass)
  process.on('SIGTERM', pass)
  await once(child, 'exit')
  return child.exitCode ?? 1
}

await leaveWith(main)

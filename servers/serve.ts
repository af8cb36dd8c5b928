/** Runs one reference server: `npm start -- express --port 3000`. */
import { fstatSync } from 'node:fs'
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { exits, references } from './index.ts'
import type { Ready, Reference } from './index.ts'
import { faults } from './stream/faults.ts'
import type { Running, StartOptions } from './stream/service.ts'

interface Flags extends StartOptions {
  readonly json?: true
}

const names = references.map(({ name }) => name)
const program = new Command('npm start --')
  .description('Runs a reference server of event streams.')
  .argument('[name]', `which one: ${names.join(', ')}`, reference, references[0])
  .option('--port <n>', 'port to listen on, 0 takes a free one', port, 0)
  .option('--host <address>', 'address to listen on', '127.0.0.1')
  .option('--token <t>', 'bearer token that the streams need')
  .option('--origin <origin...>', 'origins that may read the answers, all of them when absent')
  .addOption(new Option('--ids <whose>', 'who sets the ids of events').choices(['client', 'server']))
  .addOption(new Option('--fault <name>', 'what to do wrong').choices(Object.keys(faults)))
  .option('--json', 'print {url, descriptor, name, version} once it listens, and end when stdin closes')
  .exitOverride()
  .configureOutput({ outputError: () => {} })

function reference(name: string): Reference {
  const found = references.find((candidate) => candidate.name === name)
  if (!found) throw new InvalidArgumentError(`It is one of ${names.join(', ')}.`)
  return found
}

function port(text: string): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value > 65_535) throw new InvalidArgumentError('A port is a number from 0 to 65535.')
  return value
}

function leave(code: number, line: string): never {
  process.stderr.write(`${line}\n`)
  process.exit(code)
}

try {
  program.parse()
} catch (error) {
  if (!(error instanceof CommanderError)) throw error
  if (error.exitCode === 0) process.exit(exits.ended)
  const accepted = program.options.map(({ long }) => long).join(', ')
  leave(exits.usage, `${error.message.replaceAll('\n', ' ')} Accepted: a name of ${names.join(', ')}, and ${accepted}.`)
}

let ending = false
const { json, ...options } = program.opts<Flags>()
const chosen = program.processedArgs[0] as Reference

const { start } = await chosen.load().catch((error: Error) => leave(
  exits.unavailable,
  `${chosen.name} cannot run on Node ${process.versions.node} (ABI ${process.versions.modules}, ${process.platform} `
    + `${process.arch}): ${error.message.split('\n')[0]}`,
))
const running = await start(options).catch((error: Error) => leave(exits.failed, `${chosen.name}: ${error.message}`))

const wrong = options.fault === undefined ? '' : `, wrong on purpose: ${options.fault}`
const people = `${chosen.label} ${running.version} at ${running.url}${wrong}\n`
if (json) {
  process.stderr.write(people)
  const ready: Ready = {
    url: running.url,
    descriptor: new URL('streamproof', running.url).href,
    name: chosen.name,
    version: running.version,
  }
  process.stdout.write(`${JSON.stringify(ready)}\n`)
  outlive(running)
} else {
  process.stdout.write(people)
}

async function end(server: Running): Promise<void> {
  if (ending) return
  ending = true
  await server.close()
  process.exit(exits.ended)
}

/** Ends with the parent: its end of a pipe on stdin, or the IPC channel, closes when it is gone, however it went. */
function outlive(server: Running): void {
  const stdin = fstatSync(0)
  // Not /dev/null and not a file: they are at their end from the start.
  if (stdin.isFIFO() || stdin.isSocket()) process.stdin.on('end', () => end(server)).resume()
  process.on('disconnect', () => end(server))
}

process.on('SIGTERM', () => end(running))
process.on('SIGINT', () => end(running))

/** What can be typed: commands, their flags and their help. */
import { Command, Option } from 'commander'

export const formats = ['console', 'json', 'junit'] as const

/** What was typed, before it is read. */
export interface Flags {
  readonly target?: string
  readonly method?: string
  readonly header?: readonly string[]
  readonly body?: string
  readonly token?: string
  readonly origin?: string
  readonly insecure?: true
  readonly allowOriginChange?: true
  readonly start?: string
  readonly waitFor?: string
  readonly observe?: string
  readonly profile?: string
  readonly budget?: string
  readonly plan?: true
  readonly only?: readonly string[]
  readonly skip?: readonly string[]
  readonly failOn?: string
  readonly seed?: string
  readonly runs?: string
  readonly replay?: string
  readonly report?: readonly string[]
  readonly with?: readonly string[]
  readonly require?: readonly string[]
  readonly json?: true
}

export const commands = ['test', 'compare', 'serve', 'rules', 'explain'] as const

const repeated = (value: string, before: readonly string[] = []): readonly string[] => [...before, value]
const listed = (value: string, before: readonly string[] = []): readonly string[] =>
  [...before, ...value.split(',').map((item) => item.trim()).filter((item) => item !== '')]

const option = (flags: string, says: string): Option => new Option(flags, says)
const asking = [
  option('--method <name>', 'request method; POST when there is a body, else GET'),
  option('--header <line>', '\'Name: value\'; $VAR is read from the environment (repeatable)').argParser(repeated),
  option('--body <text>', 'request body, or @FILE'),
  option('--token <token>', 'sent as Authorization: Bearer; $VAR is read from the environment'),
  option('--origin <origin>', 'ask as a page of this origin, and judge the CORS rules'),
  option('--insecure', 'accept any certificate'),
  option('--allow-origin-change', 'let a driver name parts on another origin'),
]
const running = [
  option('--observe <time>', 'how long to watch the stream: 5s, 500ms, 5000'),
  option('--profile <name>', 'safe: few polite requests (default for strangers); full: everything'),
  option('--budget <n>', 'connections at most, a whole number'),
  option('--seed <n>', 'seed of the generated cases, a whole number'),
  option('--runs <n>', 'generated cases of each property, a whole number'),
]
const judging = [
  option('--only <glob>', 'rules to judge, such as \'sse/framing/*\' (repeatable, commas)').argParser(listed),
  option('--skip <glob>', 'rules to leave out (repeatable, commas)').argParser(listed),
  option('--fail-on <level>', 'what fails the run: must, should or advice (default: must)'),
  option('--report <format>', `${formats.join(', ')}; FORMAT=FILE writes a file (repeatable)`).argParser(repeated),
]
export const grammar: Readonly<Record<Exclude<(typeof commands)[number], 'serve'>, readonly Option[]>> = {
  test: [
    option('--target <url>', 'the stream to judge, or the descriptor of a driver; may stand alone'),
    ...asking, ...running,
    option('--replay <id>', 'show one failure again: the id of the report'),
    option('--plan', 'print what would be sent, send nothing'),
    option('--start <command>', 'run this server for the time of the test, and stop it'),
    option('--wait-for <url>', 'with --start: ready when this URL answers (default: the target)'),
    ...judging,
  ],
  compare: [
    option('--with <url>', 'one more column for this URL (repeatable)').argParser(repeated),
    option('--require <name>', 'a reference server that must not be missing (repeatable, commas)').argParser(listed),
    ...asking, ...running, ...judging,
  ],
  rules: [option('--json', 'as JSON')],
  explain: [],
}

const operands = { test: '[url]', compare: '[url...]', rules: '', explain: '<rule>' } as const

const says = {
  test: 'Judges a server of event streams, rule by rule, with the bytes to prove it.',
  compare: 'Judges the reference servers, and any other URL, side by side.',
  rules: 'Lists every rule.',
  explain: 'Says what a rule asks, why, and how to repair what breaks it.',
} as const

const overview = `
Commands:
  test [url]            judge one server (what a bare URL does)
  compare [url...]      the reference servers side by side, with further URLs as columns
  serve [name]          run a reference server
  rules [--json]        list every rule
  explain <rule>        what a rule asks, why, and how to repair what breaks it

Examples:
  streamproof http://127.0.0.1:3000/stream
  streamproof https://api.example.com/v1/chat --header 'Authorization: $KEY' --body @request.json
  streamproof http://127.0.0.1:3000/stream --start 'node server.js' --report junit=report.xml

Exit codes: 0 conforms, 1 a rule failed, 2 usage, 3 incomplete (unreachable, nothing examined, interrupted).
`

/** The parser of one command. It throws a CommanderError for what it cannot read, and for --help and --version. */
export function commandOf(name: keyof typeof grammar, version: string, print: (text: string) => void): Command {
  const program = new Command(name === 'test' ? 'streamproof' : `streamproof ${name}`)
    .description(says[name])
    .helpOption('-h, --help', 'this text')
    .exitOverride()
    .configureOutput({ writeOut: print, outputError: () => {} })
  if (operands[name]) program.argument(operands[name])
  if (name === 'test') program.version(version, '-V, --version', 'the version of the kit').addHelpText('after', overview)
  for (const one of grammar[name]) program.addOption(one)
  return program
}

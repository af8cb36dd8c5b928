/** What can be typed: commands, their flags and their help. */
import { Command, Option } from 'commander'
import { fileFormats } from './offline/format.ts'

export const formats = ['console', 'json', 'junit', 'sarif', 'markdown', 'html', 'github', 'badge'] as const

/** What was typed, before it is read. */
export interface Flags {
  readonly target?: string
  readonly method?: string
  readonly header?: readonly string[]
  readonly body?: string
  readonly token?: string
  readonly origin?: string
  readonly echo?: true
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
  readonly threshold?: readonly string[]
  readonly seed?: string
  readonly runs?: string
  readonly replay?: string
  readonly baseline?: string
  readonly updateBaseline?: true
  readonly reason?: string
  readonly config?: string
  readonly watch?: true
  readonly watchPath?: readonly string[]
  readonly record?: string
  readonly format?: string
  readonly entry?: string
  readonly report?: readonly string[]
  readonly with?: readonly string[]
  readonly require?: readonly string[]
  readonly json?: true
  readonly level?: string
  readonly cmd?: string
  readonly keep?: true
  readonly atOnce?: string
  readonly cases?: readonly string[]
  readonly load?: true
  readonly messages?: string
  readonly agent?: string
  readonly out?: string
}

export const commands = ['test', 'compare', 'judge', 'client', 'autobahn', 'serve', 'rules', 'explain', 'init'] as const

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
  option('--echo', 'WebSocket: the target sends every message back, so that content is judged too'),
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
  option('--threshold <name=value>', 'another number for a rule of convention; explain RULE names them (repeatable)').argParser(repeated),
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
    option('--record <dir>', 'write everything that was seen to this directory, for streamproof judge'),
    option('--baseline <file>', 'known failures, which do not fail the run; an entry that passes does'),
    option('--update-baseline', 'write the failures of this run to the baseline, drop what passes'),
    option('--reason <text>', 'with --update-baseline: the reason of entries that have none'),
    option('--config <file>', 'targets and settings (default: streamproof.config.* here)'),
    option('--watch', 'run again whenever a file below this directory changes'),
    option('--watch-path <path>', 'the same for this file or directory instead (repeatable)').argParser(repeated),
  ],
  compare: [
    option('--with <url>', 'one more column for this URL (repeatable)').argParser(repeated),
    option('--require <name>', 'a reference server that must not be missing (repeatable, commas)').argParser(listed),
    ...asking, ...running, ...judging,
  ],
  judge: [
    option('--format <name>', `${fileFormats.join(', ')} (default: found out by the content)`),
    option('--entry <n>', 'the one entry of a HAR to judge, from 1, whatever its type (default: all event streams)'),
    option('--replay <id>', 'only the rule of that id, on the cases that the recording kept'),
    ...judging,
  ],
  client: [
    option('--cmd <command>', 'the client: gets a URL as last argument and prints one JSON line for each event'),
    option('--keep', 'give a process URL after URL on its standard input: much faster'),
    option('--at-once <n>', 'sources open at the same time, a whole number (default: 4)'),
    ...judging.filter(({ long }) => long !== '--threshold'),
  ],
  autobahn: [
    option('--cases <pattern>', 'numbers of Autobahn cases, such as \'5.*\' (repeatable, commas; default: all but load)').argParser(listed),
    option('--load', '9.*, 12.* and 13.* too: long messages, and many'),
    option('--messages <n>', 'with --load: messages of each case of compression, a whole number (default: what fits into 1 MiB)'),
    option('--out <file>', 'an index.json in the shape of Autobahn, the report of each case beside it'),
    option('--report <format>', 'autobahn: the same as --out; autobahn=FILE').argParser(repeated),
    option('--agent <name>', 'the name of the target there (default: its host)'),
    ...asking.filter(({ long }) => long !== '--method' && long !== '--body' && long !== '--allow-origin-change'),
  ],
  rules: [
    option('--level <level>', 'of this level alone: must, interop, should or advice'),
    option('--json', 'as JSON, with bug, fix and page of each rule'),
  ],
  explain: [],
  init: [],
}

const operands = { test: '[target]', compare: '[url...]', judge: '<file>', client: '', autobahn: '[url]', rules: '[glob...]', explain: '[subject]', init: '[url]' } as const

const says = {
  test: 'Judges a server of event streams, rule by rule, with the bytes to prove it.',
  compare: 'Judges the reference servers, and any other URL, side by side.',
  judge: 'Judges what was recorded: a directory or transcript of --record, a HAR, what curl -iN printed; - is standard input.',
  client: 'Judges a client of event streams: the kit is the server.',
  autobahn: 'Runs the cases of Autobahn|Testsuite on a WebSocket server that sends every message back.',
  rules: 'Lists the rules: all, or those that match.',
  explain: 'Says what a rule asks, why, and how to repair what breaks it. An area lists its rules; a page tells of one topic.',
  init: 'Writes streamproof.config.mts, a config file to start from.',
} as const

const overview = `
Commands:
  test [url | name]     judge one server (what a bare URL does), or the targets of streamproof.config.*
  compare [url...]      the reference servers side by side, with further URLs as columns
  judge <file>          judge a recording, a HAR, or what curl -iN printed (- for standard input)
  client --cmd <cmd>    judge a client: the kit is the server
  autobahn <url>        the cases of Autobahn|Testsuite on a WebSocket echo
  serve [name]          run a reference server
  rules [glob...]       list rules
  explain [subject]     a rule, an area or a page: what is asked, why, and how to repair what breaks it
  init [url]            write streamproof.config.mts

Examples:
  streamproof http://127.0.0.1:3000/stream
  streamproof https://api.example.com/v1/chat --header 'Authorization: $KEY' --body @request.json
  curl -iN https://api.example.com/stream | streamproof judge -
  streamproof http://127.0.0.1:3000/stream --start 'node server.js' --report junit=report.xml
  streamproof http://127.0.0.1:3000/stream --start 'node server.js' --watch

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

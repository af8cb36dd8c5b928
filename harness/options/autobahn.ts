/** What `autobahn` was asked for, as a value. */
import type { AutobahnOptions } from '../autobahn.ts'
import type { Flags } from '../grammar.ts'
import { Mistake, readUrl, readWhole } from '../values.ts'
import { runOf, type Surroundings } from './asked.ts'

export interface AutobahnInvocation {
  readonly command: 'autobahn'
  readonly autobahn: Omit<AutobahnOptions, 'cases' | 'loads'>
  /** numbers of cases, and patterns of them; none: all but load. Not checked yet: `chosenCases` does */
  readonly patterns: readonly string[]
  /** the cases of load too */
  readonly withLoad: boolean
  /** the name of the target in the index */
  readonly agent: string
  /** where an index in the shape of Autobahn's is written */
  readonly out?: string
}

/** @throws Mistake for a value that cannot be read */
export function autobahnOf(flags: Flags, operand: string | undefined, surroundings: Surroundings): AutobahnInvocation {
  const url = flags.target ?? operand
  if (url === undefined) throw new Mistake('streamproof autobahn without a URL', 'the URL of a WebSocket that sends every message back', 'streamproof autobahn ws://127.0.0.1:9001')
  const target = readUrl(url, 'streamproof autobahn')
  const { agent, messages } = flags
  const [out] = [...(flags.out === undefined ? [] : [flags.out]), ...(flags.report ?? []).map(fileOf)]
  if (agent?.trim() === '') throw new Mistake('an empty --agent', 'the name of the target in the index', '--agent my-server')
  return {
    command: 'autobahn',
    autobahn: {
      run: { ...runOf(flags, surroundings), target },
      ...(messages === undefined ? {} : { messages: readWhole(messages, '--messages', [1, 1000], 100) }),
    },
    patterns: flags.cases ?? [],
    withLoad: flags.load === true,
    agent: agent ?? new URL(target).host,
    ...(out === undefined ? {} : { out }),
  }
}

/** Where `--report autobahn` goes. @throws Mistake for another format: what runs the rules writes those */
function fileOf(text: string): string {
  const [, file = 'index.json'] = /^autobahn(?:=(.+))?$/.exec(text) ?? []
  if (!/^autobahn(?:=.+)?$/.test(text)) {
    throw new Mistake(`--report ${text} for Autobahn's cases`, 'autobahn, autobahn=FILE; other formats are of the rules: streamproof URL --report FORMAT', '--report autobahn=index.json')
  }
  return file
}

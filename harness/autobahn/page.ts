/** docs/autobahn.md: what of Autobahn is reproduced, and what differs. Written from the cases. Pure. */
import { beside, cases, categories, loads, source } from '../../spec/ws/autobahn/index.ts'
import { differences, recordedOn, skipped } from '../../spec/ws/autobahn/parity.ts'
import { markdown } from '../report/text.ts'

/** The page, as `npm run docs` writes it. */
export function autobahnPage(): string {
  const of = (number: string, all: readonly { readonly id: string }[]): number => all.filter(({ id }) => id.split('.')[0] === number).length
  const rows = Object.entries(categories).map(([number, name]) => {
    const exact = of(number, cases)
    const added = of(number, beside)
    const how = exact > 0 ? 'frames, cuts, pauses and verdicts' : number === '9' ? 'sizes, payloads, fragments and cuts' : 'sizes, fragments and offers; payloads generated'
    return `| ${number} ${name} | ${exact || of(number, loads)} | ${how}${added > 0 ? `; ${added} beside` : ''} | ${exact > 0 ? 'always' : '`--load`'} |`
  })
  return [
    '# Autobahn|Testsuite',
    '<!-- written by `npm run docs`; edit the data, not this page -->',
    '',
    'The cases of Autobahn|Testsuite for servers, without Python 2 and in seconds:',
    '',
    '```sh',
    'streamproof autobahn ws://127.0.0.1:9001',
    'streamproof autobahn ws://127.0.0.1:9001 --cases \'1.*,5.*\' --out index.json',
    'streamproof autobahn ws://127.0.0.1:9001 --load',
    '```',
    '',
    `The cases are those of autobahntestsuite ${source.version}, as released on PyPI, taken from its source: each frame,`,
    'cut, pause and accepted outcome was compared with what the source sends and expects. Only the mask keys differ, which are',
    'random there. `--out` writes an `index.json` of the same shape, the report of each case beside it. The exit code is 1 when a',
    'case is FAILED, WRONG CODE, UNCLEAN or FAILED BY CLIENT in either column, and 3 when nothing was decided.',
    '',
    '| category | cases | reproduced | run |',
    '| --- | ---: | --- | --- |',
    ...rows,
    '',
    '## Compared with Autobahn itself',
    '',
    ...recordedOn,
    '',
    '## What differs on purpose',
    '',
    '| cases | here |',
    '| --- | --- |',
    ...differences.map(([which, how]) => `| ${markdown(which)} | ${markdown(how)} |`),
    '',
    '## Not reproduced',
    '',
    ...skipped.map(([which, why]) => `- ${markdown(which)}: ${markdown(why)}`),
    '',
    '## Beside the cases',
    '',
    'What Autobahn meant to send, or leaves out. They are printed and counted, and are not in `index.json`.',
    '',
    ...beside.map(({ id, says }) => `- ${markdown(id)}: ${markdown(says)}`),
    '',
  ].join('\n')
}

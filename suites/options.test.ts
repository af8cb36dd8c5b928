/** The command line: what is read, and what each mistake is told. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parse, type Invocation, type Surroundings } from '../harness/options.ts'
import { tooOld, usageLine } from '../harness/terminal.ts'
import { nearest } from '../harness/values.ts'

const url = 'http://127.0.0.1:3000/stream'
const rules = ['sse/framing/block-terminated', 'sse/framing/multiline-data', 'sse/encoding/utf8']
const files: Readonly<Record<string, Uint8Array>> = {
  'ask.json': Buffer.from('{"stream":true}'),
  'bytes.bin': Uint8Array.of(0xff, 0xfe),
}
const around = (env: Surroundings['env'] = {}): Surroundings => ({
  env,
  rules,
  version: '9.9.9',
  readFile: (path) => {
    const bytes = files[path]
    if (!bytes) throw Object.assign(new Error('absent'), { code: 'ENOENT' })
    return bytes
  },
})

const read = (argv: readonly string[], env?: Surroundings['env']): Invocation => parse(argv, around(env))

function tested(argv: readonly string[], env?: Surroundings['env']): Extract<Invocation, { command: 'test' }> {
  const invocation = read(argv, env)
  if (invocation.command !== 'test') throw new Error(JSON.stringify(invocation))
  return invocation
}

function mistake(argv: readonly string[], env?: Surroundings['env']): string {
  const invocation = read(argv, env)
  if (invocation.command !== 'mistake') throw new Error(JSON.stringify(invocation))
  return usageLine(invocation.usage)
}

describe('a target', () => {
  test.each([[['--target', url]], [[`--target=${url}`]], [[url]], [['test', url]], [['test', `--target=${url}`]]])('%j', (argv) => {
    expect(tested(argv)).toEqual({
      command: 'test',
      run: { target: url, method: 'GET', headers: [], insecure: false, only: [], skip: [], failOn: 'must', allowOriginChange: false },
      reports: [{ format: 'console' }],
      plan: false,
      again: `--target=${url}`,
    })
  })

  test('every other flag', () => {
    const { run, reports, plan, start, waitFor } = tested([
      url, '--method', 'query', '--header', 'X-A: 1', '--header', 'X-B:', '--token', 'tok', '--origin', 'https://app.test', '--insecure',
      '--observe', '1.5s', '--profile', 'safe', '--budget', '7', '--only', 'sse/framing/*,sse/encoding/utf8', '--skip', 'sse/framing/multiline-data',
      '--fail-on', 'should', '--seed', '-5', '--runs', '3', '--replay', 'sse/encoding/utf8:-5:0:1', '--allow-origin-change', '--plan',
      '--report', 'console', '--report', 'junit=out.xml', '--start', 'node server.js', '--wait-for', 'http://127.0.0.1:3000/ready',
    ])
    expect(run).toEqual({
      target: url, method: 'QUERY', headers: [['X-A', '1'], ['X-B', '']], token: 'tok', origin: 'https://app.test', insecure: true,
      observeMs: 1500, profile: 'safe', budget: 7, only: ['sse/framing/*', 'sse/encoding/utf8'], skip: ['sse/framing/multiline-data'],
      failOn: 'should', seed: -5, runs: 3, replay: 'sse/encoding/utf8:-5:0:1', allowOriginChange: true,
    })
    expect(reports).toEqual([{ format: 'console' }, { format: 'junit', file: 'out.xml' }])
    expect({ plan, start, waitFor }).toEqual({ plan: true, start: 'node server.js', waitFor: 'http://127.0.0.1:3000/ready' })
  })

  test.each([['5s', 5000], ['500ms', 500], ['5000', 5000], ['0.5s', 500], ['1m', 60_000]])('--observe %s', (text, ms) => {
    expect(tested([url, '--observe', text]).run.observeMs).toBe(ms)
  })

  test('a server that the kit starts gets everything', () => {
    expect(tested([url, '--start', 'x']).run.profile).toBe('full')
    expect(tested([url, '--start', 'x', '--profile', 'safe']).run.profile).toBe('safe')
  })

  test('the environment fills in headers and token', () => {
    const argv = [url, '--header', 'Authorization: Bearer ${KEY}', '--header', 'X-Price: $$5 of $5']
    expect(tested(argv, { KEY: 'k' }).run.headers).toEqual([['Authorization', 'Bearer k'], ['X-Price', '$5 of $5']])
    expect(tested([url, '--token', '$KEY'], { KEY: 'k' }).run.token).toBe('k')
  })
})

describe('a body', () => {
  const json = [['Content-Type', 'application/json']]
  test('makes a POST, of JSON when it is JSON', () => {
    expect(tested([url, '--body', '{"a":1}']).run).toMatchObject({ method: 'POST', body: '{"a":1}', headers: json })
    expect(tested([url, '--body', '@ask.json']).run).toMatchObject({ method: 'POST', body: '{"stream":true}', headers: json })
    expect(tested([url, '--body', 'plain']).run).toMatchObject({ method: 'POST', body: 'plain', headers: [] })
  })

  test('leaves a method and a type that were given', () => {
    expect(tested([url, '--body', '{}', '--method', 'PUT', '--header', 'content-type: text/x']).run)
      .toMatchObject({ method: 'PUT', headers: [['content-type', 'text/x']] })
  })
})

describe('a mistake says what was given, what is accepted, what to type', () => {
  test.each<[string, readonly string[], string, string]>([
    ['a typo', ['--taget', url], '--taget, which is no option', '--target <url>'],
    ['no value', [url, '--seed'], '--seed without a value', '--seed <n>'],
    ['no target', [], 'no target', '--target http://'],
    ['two targets', [url, '--target', url], 'two targets', '--target URL'],
    ['a command misspelt', ['compar'], 'compar, which is neither a URL nor a command', 'streamproof compare'],
    ['another scheme', ['ftp://x/'], 'ftp://x/ is no http, https, ws or wss URL', '--target http://'],
    ['a host without scheme', ['localhost:3000/s'], 'localhost:3000/s is no', '--target http://localhost:3000/s'],
    ['a URL that is none', ['http://[::'], 'is no valid URL', '--target http://'],
    ['a header without colon', [url, '--header', 'Accept'], 'a --header without a colon', '--header'],
    ['a header with a wrong name', [url, '--header', 'A b: c'], 'characters that HTTP forbids', '--header'],
    ['a header of the framing', [url, '--header', 'Content-Length: 3'], '--header Content-Length', 'without it'],
    ['a line break', [url, '--header', 'X: a\r\nY: b'], '--header X holds a line break at position 2', 'X without'],
    ['a NUL', [url, '--header', 'X: a\0'], '--header X holds a control character', 'X without'],
    ['a character outside Latin-1', [url, '--header', 'X: €'], 'outside Latin-1', 'X without'],
    ['a variable that is not set', [url, '--header', 'X: $NOPE'], '$NOPE, which is not set', 'export NOPE='],
    ['a file that is not there', [url, '--body', '@nope'], '--body @nope: the file cannot be read (ENOENT)', '--body @request.json'],
    ['a file that is not text', [url, '--body', '@bytes.bin'], 'not UTF-8', '--body'],
    ['a time', [url, '--observe', '5x'], '--observe 5x', '--observe 5s'],
    ['no time at all', [url, '--observe', '0'], '--observe 0', '--observe 5s'],
    ['a number', [url, '--budget', '0'], '--budget 0', '--budget 30'],
    ['a fraction', [url, '--runs', '1.5'], '--runs 1.5', '--runs 100'],
    ['a profile', [url, '--profile', 'ful'], 'safe, full', '--profile full'],
    ['a level', [url, '--fail-on', 'shold'], 'must, should, advice', '--fail-on should'],
    ['a format', [url, '--report', 'jsn'], 'console, json, junit', '--report json'],
    ['the report of another command', [url, '--report', 'autobahn=index.json'], 'the command that runs them', 'streamproof autobahn URL --report autobahn=index.json'],
    ['a format without file', [url, '--report', 'json='], 'without a file', '--report json=report.json'],
    ['two reports to one place', [url, '--report', 'json', '--report', 'console'], 'two reports to standard output', '--report console=FILE'],
    ['a glob for nothing', [url, '--only', 'sse/framng/*'], 'matches no rule', '--only \'sse/framing/*\''],
    ['globs that leave nothing', [url, '--skip', '*'], 'every rule', 'streamproof rules'],
    ['a replay of nothing', [url, '--replay', 'sse/encoding/utf9:1:0'], 'no rule', '--replay sse/encoding/utf8:1:0'],
    ['a replay that is none', [url, '--replay', '7'], '--replay 7', '--replay sse/'],
    ['an origin with a path', [url, '--origin', 'https://a.test/x'], 'without a path', '--origin https://a.test'],
    ['two credentials', [url, '--token', 'abcd', '--header', 'Authorization: x'], 'one of them', '--token \'$TOKEN\''],
    ['waiting for nothing', [url, '--wait-for', url], '--wait-for without --start', '--start'],
    ['too much', [url, 'x', 'y'], 'too many arguments', '--help'],
    ['explain of no rule', ['explain', 'sse/encoding/utf9'], 'no rule', 'streamproof explain sse/encoding/utf8'],
    ['rules of no area', ['rules', 'sse/framin'], 'matches none', 'streamproof rules sse/framing'],
    ['rules of no level', ['rules', '--level', 'musst'], '--level musst', '--level must'],
  ])('%s', (_, argv, given, type) => {
    const line = mistake(argv)
    expect(line).toContain(given)
    expect(line.slice(line.indexOf('Type:'))).toContain(type)
    expect(line).toMatch(/^streamproof: .+ Accepted: .+ Type: .+$/)
  })

  test('npm that keeps the flag for itself', () => {
    expect(mistake([], { npm_config_target: url })).toContain(`Type: npm test -- --target=${url}`)
    // node-gyp and electron have a setting of this name
    expect(mistake([], { npm_config_target: '22.0.0' })).toContain('no target')
  })
})

describe('secrets', () => {
  const word = fc.string({ minLength: 6, maxLength: 20, unit: fc.constantFrom(...'qzxvkjw0123456789') })
  test('no mistake shows one', () => {
    fc.assert(fc.property(word, (secret) => {
      for (const argv of [
        [`http://u:${secret}@x/`, '--tokn', secret], [url, `--tokn=${secret}`], [url, '--header', secret], [url, '--header', `X: ${secret}\r\n`],
        [`ftp://u:${secret}@x/?key=${secret}`], [`gopher://x/?token=${secret}`], [`http://[${'?token='}${secret}`], [url, '--token', `${secret}\n`],
        [url, url, secret], [`u:${secret}@host/?auth=${secret}`], [url, '--origin', `https://u:${secret}@a.test/`],
      ]) expect(mistake(argv)).not.toContain(secret)
      expect(mistake([], { npm_config_target: `http://x/?token=${secret}` })).not.toContain(secret)
    }))
  })

  test('the command that shows it again shows none', () => {
    fc.assert(fc.property(word, (secret) => {
      const { again } = tested([
        `http://u:${secret}@x/?key=${secret}`, '--header', `X-Key: ${secret}`, '--body', `{"token":"${secret}"}`, '--start', `serve --key ${secret}`,
      ])
      expect(again).not.toContain(secret)
    }))
  })

  test('the command that shows it again keeps what can be typed again', () => {
    const argv = ['--header', 'Authorization: $KEY', '--header', 'X-Key: abc', '--header', 'Accept: a/b', '--body', '@ask.json', '--insecure', '--only', 'sse/*', '--report', 'json']
    expect(tested([url, ...argv], { KEY: 'secret-value' }).again)
      .toBe(`--target=${url} --header 'Authorization: $KEY' --header 'X-Key: ***' --header 'Accept: a/b' --body @ask.json --insecure`)
  })
})

describe('the other commands', () => {
  test('compare', () => {
    expect(read(['compare', url, '--with', 'http://x/', '--require', 'uws,express', '--report', 'json=c.json'])).toMatchObject({
      command: 'compare', urls: [url, 'http://x/'], require: ['uws', 'express'], reports: [{ format: 'json', file: 'c.json' }],
    })
  })

  test('serve passes everything on', () => expect(read(['serve', 'uws', '--port', '1'])).toEqual({ command: 'serve', args: ['uws', '--port', '1'] }))
  test('rules', () => expect(read(['rules', '--json'])).toEqual({ command: 'rules', json: true, listing: { globs: [] } }))
  test('some rules', () =>
    expect(read(['rules', 'encoding', '--level', 'must'])).toEqual({ command: 'rules', json: false, listing: { globs: ['sse/encoding'], level: 'must' } }))
  test('explain', () =>
    expect(read(['explain', 'sse/encoding/utf8'])).toEqual({ command: 'explain', subject: { kind: 'rule', id: 'sse/encoding/utf8' } }))
  test('explain alone', () => expect(read(['explain'])).toEqual({ command: 'explain', subject: { kind: 'overview' } }))
  test('--version', () => expect(read(['--version'])).toEqual({ command: 'print', text: '9.9.9\n' }))
  test('--help names every command and every exit code', () => {
    const help = read(['--help'])
    for (const part of ['test', 'compare', 'serve', 'rules', 'explain', '--target', '--fail-on', '0 conforms', '3 incomplete']) {
      expect(help).toMatchObject({ command: 'print', text: expect.stringContaining(part) })
    }
  })
})

test('the nearest word, unless none is near', () => {
  expect(nearest('--taget', ['--target', '--token'])).toBe('--target')
  expect(nearest('xyzzy', ['--target', '--token'])).toBeUndefined()
})

test.each([['v20.20.2', true], ['v22.17.9', true], ['v22.18.0', false], ['v24.0.0', false]])('Node %s is too old: %s', (version, old) => {
  expect(tooOld(version) !== undefined).toBe(old)
})

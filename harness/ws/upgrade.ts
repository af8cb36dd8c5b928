/** Opening handshakes as they go out (RFC 6455 4.1). */
import type { SentRequest } from '../../spec/model.ts'
import { keyOf, upgradeFields } from '../../spec/ws/upgrade.ts'
import type { Handshake } from '../../suites/ws/stimulus.ts'

export interface Upgrade {
  /** as it is recorded, with the fields in the order written */
  readonly request: SentRequest
  readonly head: Uint8Array
}

type Fields = readonly (readonly [name: string, value: string])[]

/**
 * The handshake of a link: that of RFC 6455 on the ordinary request, changed as asked. Offers nothing by itself. What
 * is recorded is what goes out, Host and Content-Length included; only an absolute request target is not to be seen.
 */
export function upgrade(ordinary: SentRequest, link: string, asked: Handshake = {}): Upgrade {
  const url = new URL(asked.path ?? ordinary.url, ordinary.url)
  if (asked.spelled) url.pathname = spelling(url.pathname, asked.spelled)
  if (asked.path !== undefined) url.search ||= new URL(ordinary.url).search
  for (const [name, value] of Object.entries(asked.query ?? {})) url.searchParams.append(name, value)
  const { body: _, ...rest } = ordinary
  const body = asked.body === undefined ? undefined : Buffer.from(asked.body)
  const usual = [...hosts(ordinary, url, asked.host), ...named(ordinary), ...upgradeFields(keyOf(link))]
  const fields = body ? [...usual, ['Content-Length', String(body.length)] as const] : usual
  const request: SentRequest = {
    ...rest,
    url: url.href,
    method: asked.method ?? 'GET',
    version: asked.version ?? '1.1',
    headers: cased(edited(fields, asked), asked),
    ...(asked.body === undefined ? {} : { body: asked.body }),
  }
  const lines = [
    `${request.method} ${asked.absolute ? url.href : `${url.pathname}${url.search}`} HTTP/${request.version}`,
    ...request.headers.map(([name, value]) => `${name}: ${value}`),
    ...(asked.unfinished ? [''] : ['', '']),
  ]
  return { request, head: Buffer.concat([Buffer.from(lines.join('\r\n'), 'latin1'), body ?? Buffer.alloc(0)]) }
}

/** Another spelling of a path, which a router may take for the same. */
function spelling(path: string, how: NonNullable<Handshake['spelled']>): string {
  switch (how) {
    case 'slash': return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : `${path}/`
    case 'case': return path.toUpperCase()
    case 'encoded': return path.replace(/[a-z]/i, (letter) => `%${letter.charCodeAt(0).toString(16)}`)
    case 'parameter': return `${path};streamproof`
  }
}

const isHost = ([name]: Fields[number]): boolean => name.toLowerCase() === 'host'

const named = ({ headers }: SentRequest): Fields => headers.filter((field) => !isHost(field))

function hosts({ headers }: SentRequest, url: URL, host: Handshake['host']): Fields {
  const field = ['Host', headers.find(isHost)?.[1] ?? url.host] as const
  return host === 'absent' ? [] : host === 'twice' ? [field, field] : [field]
}

function edited(usual: Fields, { headers = {}, anonymous }: Handshake): Fields {
  const edits = Object.entries(headers)
  const dropped = new Set(edits.map(([name]) => name.toLowerCase()))
  if (anonymous) dropped.add('authorization').add('cookie')
  return [
    ...usual.filter(([name]) => !dropped.has(name.toLowerCase())),
    ...edits.flatMap(([name, value]) => (value === null ? [] : [value].flat().map((line) => [name, line] as const))),
  ]
}

function cased(fields: Fields, { names, reversed }: Handshake): Fields {
  const shown = fields.map(([name, value]) =>
    [names === 'lower' ? name.toLowerCase() : names === 'upper' ? name.toUpperCase() : name, value] as const)
  return reversed ? shown.toReversed() : shown
}

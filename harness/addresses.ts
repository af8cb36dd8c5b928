/** Requests to the target and to the parts of a driver, made from the ordinary one. */
import type { Descriptor, PartName } from '../spec/contract/contract.ts'
import type { Declares, SentRequest } from '../spec/model.ts'
import type { Started } from '../spec/sse/delivery/works.ts'
import { changed, type Address } from '../suites/stimulus.ts'
import type { ActKind } from './control.ts'
import { partUrl } from './target.ts'

/** part of the contract and method of each act */
const controls = {
  publish: ['publish', 'POST'], finish: ['channel', 'DELETE'], tune: ['tune', 'PUT'], stats: ['stats', 'GET'],
  token: ['tokens', 'POST'], work: ['work', 'POST'],
} as const satisfies Record<Exclude<ActKind, 'cancel'>, readonly [PartName, string]>

function json(ordinary: SentRequest, url: string, method: string): SentRequest {
  const { body: _, ...rest } = ordinary
  return { ...rest, url, method, headers: [...rest.headers, ['Content-Type', 'application/json']] }
}

/** A channel whose name begins with that of another. */
export const siblingOf = (channel: string): string => `${channel}-sibling`

/** The request of a control act on a channel; undefined when the target does not offer it. */
export function controlRequest(
  act: Exclude<ActKind, 'cancel'>,
  ordinary: SentRequest,
  descriptor: Descriptor | undefined,
  channel: string,
): SentRequest | undefined {
  const [part, method] = controls[act]
  const url = descriptor && partUrl(descriptor, part, ordinary.url, { c: channel })
  return url === undefined ? undefined : json(ordinary, url, method)
}

/** The ordinary request to an address; undefined when the target has none. */
export function addressed(
  address: Address,
  ordinary: SentRequest,
  descriptor: Descriptor | undefined,
  channel: string,
): SentRequest | undefined {
  if (!descriptor) return address === 'target' || address === 'stream' ? ordinary : undefined
  if (address === 'target') return ordinary
  const part = (name: PartName, c: string): string | undefined => partUrl(descriptor, name, ordinary.url, { c })
  if (address === 'play') {
    const url = part('play', channel)
    return url === undefined ? undefined : json(ordinary, url, 'POST')
  }
  const [name, c] = channels(channel)[address]
  const url = part(name, c)
  return url === undefined ? undefined : { ...ordinary, url }
}

/** the part and the channel of each address of a stream */
const channels = (channel: string) => ({
  'stream': ['channel', channel],
  'sibling': ['channel', siblingOf(channel)],
  'forbidden-channel': ['channel', 'a.b~c'],
  'limited': ['limited', channel],
  'secure': ['secure', channel],
  'secure-sibling': ['secure', siblingOf(channel)],
}) as const satisfies Record<Exclude<Address, 'target' | 'play'>, readonly [PartName, string]>

/** The request that cancels work, from the one that started it and the URL that it was given. */
export function cancellation(start: SentRequest, { id, cancel }: Started, unknown: boolean): SentRequest {
  const { body: _, ...rest } = start
  const url = unknown ? cancel.replace(encodeURIComponent(id), 'streamproof-never-made') : cancel
  return { ...rest, url, method: 'DELETE', headers: start.headers.filter(([name]) => name !== 'Content-Type') }
}

/** The request that revokes a token, from the one that issues tokens: DELETE one level below. */
export function revocation(issue: SentRequest, token: string): SentRequest {
  const url = new URL(issue.url)
  url.pathname = `${url.pathname.replace(/\/$/, '')}/${encodeURIComponent(token)}`
  return { ...issue, url: url.href, method: 'DELETE', headers: issue.headers.filter(([name]) => name !== 'Content-Type') }
}

/**
 * The request with a token instead of the ordinary credentials, in the Authorization field (RFC 6750 2.1) or in the
 * query (2.3); undefined when the target does not take one `by` that way. Without `by`, the way it does.
 */
export function withToken(
  ordinary: SentRequest,
  token: string,
  by: 'header' | 'query' | undefined,
  { auth = ['bearer'] }: Declares,
): SentRequest | undefined {
  const field = auth.find((way) => way.startsWith('query:'))?.slice('query:'.length)
  if (by !== 'query' && auth.includes('bearer')) {
    return changed(ordinary, { anonymous: true, headers: { Authorization: `Bearer ${token}` } })
  }
  if (by === 'header' || field === undefined) return undefined
  const url = new URL(ordinary.url)
  url.searchParams.append(field, token)
  return { ...changed(ordinary, { anonymous: true }), url: url.href }
}

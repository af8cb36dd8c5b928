/** Requests to the target and to the parts of a driver, made from the ordinary one. */
import type { Descriptor, PartName } from '../spec/contract/contract.ts'
import type { SentRequest } from '../spec/model.ts'
import type { Address } from '../suites/stimulus.ts'
import type { ActKind } from './control.ts'
import { siblingOf } from './stage.ts'
import { partUrl } from './target.ts'

/** part of the contract and method of each act */
const controls = {
  publish: ['publish', 'POST'], finish: ['channel', 'DELETE'], tune: ['tune', 'PUT'], stats: ['stats', 'GET'],
} as const satisfies Record<ActKind, readonly [PartName, string]>

function json(ordinary: SentRequest, url: string, method: string): SentRequest {
  const { body: _, ...rest } = ordinary
  return { ...rest, url, method, headers: [...rest.headers, ['Content-Type', 'application/json']] }
}

/** The request of a control act on a channel; undefined when the target does not offer it. */
export function controlRequest(
  act: ActKind,
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
  const name = address === 'forbidden-channel' ? 'a.b~c' : address === 'sibling' ? siblingOf(channel) : channel
  const url = part(address === 'limited' ? 'limited' : 'channel', name)
  return url === undefined ? undefined : { ...ordinary, url }
}

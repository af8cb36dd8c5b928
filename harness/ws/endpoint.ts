/** Which WebSocket there is to judge: the target itself, or what a driver offers. */
import type { SentRequest } from '../../spec/model.ts'
import { ordinaryRequest, type RunOptions } from '../request.ts'
import { defaultSeed } from '../session.ts'
import type { Probe } from '../probe.ts'
import type { RunHooks } from '../run.ts'
import { secretsOf } from '../secrets.ts'
import { partUrl } from '../target.ts'
import { WsSession, type Endpoint } from './session.ts'

/** A target of the WebSocket protocol (ws or wss URL). */
export const isWebSocket = (target: string): boolean => /^wss?:/i.test(target)

/** The seed of the generated cases: of the case that is shown again, else as given. */
const seedOf = ({ replay, seed }: RunOptions): number =>
  (replay === undefined ? seed ?? defaultSeed : Number(replay.split(':')[1]))

/** fields of the ordinary request that a handshake does not have */
const ofStreams = new Set(['accept', 'accept-encoding'])

/** The ordinary request of a WebSocket target, without the fields of the handshake. */
export function socketRequest(options: RunOptions): SentRequest {
  const { body: _, ...request } = ordinaryRequest({ ...options, target: options.target.replace(/^ws/i, 'http') })
  return { ...request, method: 'GET', headers: request.headers.filter(([name]) => !ofStreams.has(name.toLowerCase())) }
}

/** The session of a target that is itself a WebSocket. */
export function socketOf(options: RunOptions, hooks: RunHooks, probe: Probe): WsSession {
  return new WsSession(options, hooks, probe, { request: socketRequest(options), echo: options.echo === true }, {
    secrets: secretsOf(options), seed: seedOf(options),
  })
}

/** The session of the WebSocket that a driver offers; undefined when it offers none. */
export function socketOfDriver(options: RunOptions, hooks: RunHooks, probe: Probe, driver: Required<Endpoint>['driver']): WsSession | undefined {
  const { descriptor, request } = driver
  const url = partUrl(descriptor, 'echo', request.url) ?? partUrl(descriptor, 'socket', request.url, { c: 'streamproof' })
  if (url === undefined) return undefined
  const headers = request.headers.filter(([name]) => !ofStreams.has(name.toLowerCase()))
  const endpoint = { request: { ...request, url: url.replace(/^ws/i, 'http'), headers }, echo: descriptor.echo !== undefined, driver }
  return new WsSession(options, hooks, probe, endpoint, { secrets: secretsOf(options), seed: seedOf(options) })
}

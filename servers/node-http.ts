/** A server of event streams on node:http alone; its WebSockets are those of `ws`. */
import { createServer } from 'node:http'
import { listen, readBody, requestOf, send } from './stream/node.ts'
import { createService } from './stream/service.ts'
import type { Running, StartOptions } from './stream/service.ts'
import { upgrades, upgrading } from './stream/socket/node.ts'

const version = process.versions.node

export function start(options: StartOptions = {}): Promise<Running> {
  const service = createService({ ...options, name: 'node-http', version })
  // The service has its own answer to a missing Host.
  const server = createServer({ requireHostHeader: false, keepAliveTimeout: 60_000, ...upgrading(service) }, (req, res) => {
    const answer = service.answer(requestOf(req))
    if ('limit' in answer) readBody(req, answer.limit, (body) => send(res, answer.answer(body)))
    else send(res, answer)
  })
  upgrades(server, service)
  return listen(server, service, version, options)
}

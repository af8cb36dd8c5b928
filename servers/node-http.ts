/** A server of event streams on node:http alone. */
import { createServer } from 'node:http'
import { listen, readBody, requestOf, send } from './stream/node.ts'
import { createService } from './stream/service.ts'
import type { Running, StartOptions } from './stream/service.ts'

const version = process.versions.node

export function start(options: StartOptions = {}): Promise<Running> {
  const service = createService({ ...options, name: 'node-http', version })
  // The service has its own answer to a missing Host.
  const server = createServer({ requireHostHeader: false, keepAliveTimeout: 60_000 }, (req, res) => {
    const answer = service.answer(requestOf(req))
    if ('limit' in answer) readBody(req, answer.limit, (body) => send(res, answer.answer(body)))
    else send(res, answer)
  })
  return listen(server, service, version, options)
}

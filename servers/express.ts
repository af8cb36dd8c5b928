/** A server of event streams on Express. Its response is node's, so streams are written the same way. */
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import express from 'express'
import type { ErrorRequestHandler } from 'express'
import { limits } from '../spec/contract/contract.ts'
import { listen, requestOf, send } from './stream/node.ts'
import { createService } from './stream/service.ts'
import type { Running, StartOptions } from './stream/service.ts'
import { upgrades, upgrading } from './stream/socket/node.ts'

const { version } = createRequire(import.meta.url)('express/package.json') as { version: string }

// Bodies are JSON, but it is the service that parses them: it answers with the index of what is wrong.
const raw = express.raw({ type: () => true, limit: limits.bodyBytes })

export function start(options: StartOptions = {}): Promise<Running> {
  const service = createService({ ...options, name: 'express', version })
  const app = express()
  app.disable('x-powered-by')
  // An ETag needs the whole body; on a stream there is none.
  app.disable('etag')

  app.use((req, res, next) => {
    const answer = service.answer(requestOf(req))
    if (!('limit' in answer)) {
      send(res, answer)
      return
    }
    raw(req, res, (error?: unknown) => {
      const tooLong = (error as { type?: string } | undefined)?.type === 'entity.too.large'
      if (error !== undefined && !tooLong) next(error)
      // Without a body raw leaves req.body as it was.
      else send(res, answer.answer(tooLong ? undefined : (req.body as Uint8Array | undefined) ?? new Uint8Array()))
    })
  })

  // Express's own handler would write an HTML page, and with the head out it would write it into the stream.
  const failed: ErrorRequestHandler = (error: { status?: number }, _req, res, _next) => {
    if (res.headersSent) res.socket?.destroy()
    else send(res, service.refuse(error.status ?? 500, 'the request could not be served'))
  }
  app.use(failed)

  // app.listen() cannot be told to leave a missing Host to the service.
  const server = createServer({ requireHostHeader: false, keepAliveTimeout: 60_000, ...upgrading(service) }, app)
  // An upgrade does not go through app: what app.use() checks, a session or a token, is not checked for WebSockets. Here
  // nothing depends on that, as app.use() only hands over to the service, and so do the upgrades.
  upgrades(server, service)
  return listen(server, service, version, options)
}

/** Event streams on Express 5: GET /stream to subscribe, POST /answer for a stream that answers. */
import { createServer } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import express from 'express'
import {
  allowOrigin, answerParserErrors, challenge, endOnSigterm, hostTwice, isFull, later, mayRead, preflightFields, refuse,
  stop,
} from './front.js'
import { answer, Channel, lastEventId, streamFields, subscribe } from './stream.js'

const news = new Channel()
setInterval(() => news.publish({ event: 'tick', data: new Date().toISOString() }), 1000).unref()

async function* words(signal) {
  for (const word of ['one', ' two', ' three']) {
    await wait(50, undefined, { signal })
    yield { word }
  }
}

const { TOKEN } = process.env

// recipe: methods
const app = express()
app.disable('x-powered-by')
// an ETag needs the whole body: on a stream there is none
app.disable('etag')
app.use((req, res, next) => {
  if (hostTwice(req)) return refuse(res, 400, 'one Host is enough')
  allowOrigin(req, res)
  next()
})
app.options('/stream', (req, res) => stop(res, { Allow: 'GET, HEAD, OPTIONS', ...preflightFields }))
app.options('/answer', (req, res) => stop(res, { Allow: 'POST, OPTIONS', ...preflightFields }))
app.use((req, res, next) => {
  if (TOKEN && !mayRead(req, (token) => token === TOKEN)) return refuse(res, 401, 'credentials, please', challenge)
  next()
})
// Express would run the GET handler for HEAD: a subscriber that reads nothing
app.head('/stream', (req, res) => res.writeHead(200, streamFields).end())
app.get('/stream', (req, res) => {
  if (isFull()) return refuse(res, 503, 'too many readers', later)
  if (news.isOver(lastEventId(req))) return stop(res)
  subscribe(req, res, news)
})
app.post('/answer', (req, res) => answer(res, words))
app.all('/stream', (req, res) => refuse(res, 405, 'GET is the method', { Allow: 'GET, HEAD, OPTIONS' }))
app.all('/answer', (req, res) => refuse(res, 405, 'POST is the method', { Allow: 'POST, OPTIONS' }))
app.use((req, res) => refuse(res, 404, 'there is no such stream'))
// four parameters make it the error handler; the one of Express writes a page, with the head out into the stream
app.use((error, req, res, _next) => {
  if (res.headersSent) res.destroy()
  else refuse(res, error.status ?? 500, 'the request could not be served')
})
// end

const server = createServer(app)
answerParserErrors(server)
endOnSigterm(server)
server.listen(Number(process.env.PORT ?? 3000), '127.0.0.1')
server.on('listening', () => console.log(`http://127.0.0.1:${server.address().port}/stream`))

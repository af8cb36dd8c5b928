/** Event streams on node:http alone: GET /stream to subscribe, POST /answer for a stream that answers. */
import { createServer } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
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
const server = createServer((req, res) => {
  const [path] = (req.url ?? '/').split('?')
  const Allow = path === '/answer' ? 'POST, OPTIONS' : 'GET, HEAD, OPTIONS'
  if (hostTwice(req)) return refuse(res, 400, 'one Host is enough')
  allowOrigin(req, res)
  if (path !== '/stream' && path !== '/answer') return refuse(res, 404, 'there is no such stream')
  if (req.method === 'OPTIONS') return stop(res, { Allow, ...preflightFields })
  if (TOKEN && !mayRead(req, (token) => token === TOKEN)) return refuse(res, 401, 'credentials, please', challenge)
  if (path === '/answer') {
    return req.method === 'POST' ? answer(res, words) : refuse(res, 405, 'POST is the method', { Allow })
  }
  // HEAD is answered as GET is, and subscribes nobody
  if (req.method === 'HEAD') return res.writeHead(200, streamFields).end()
  if (req.method !== 'GET') return refuse(res, 405, 'GET is the method', { Allow })
  if (isFull()) return refuse(res, 503, 'too many readers', later)
  if (news.isOver(lastEventId(req))) return stop(res)
  subscribe(req, res, news)
})
// end

answerParserErrors(server)
endOnSigterm(server)
server.listen(Number(process.env.PORT ?? 3000), '127.0.0.1')
server.on('listening', () => console.log(`http://127.0.0.1:${server.address().port}/stream`))

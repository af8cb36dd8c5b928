/** Typical bugs of `sse/cors`. */
import type { Explanations } from './explanation.ts'

export const cors: Explanations = {
  'allow-origin': {
    bug: 'add_header Access-Control-Allow-Origin *;   # nginx, and the application sends the field too',
    flaw: '"*, https://app.example.com" is neither of the two: every browser refuses it',
    recipes: ['origins'],
    related: ['cors/credentials', 'cors/vary-origin'],
  },
  credentials: {
    bug: 'app.use(cors())   // "*", and the page opens with withCredentials: true',
    flaw: '"*" is no answer to a request with cookies',
    recipes: ['origins'],
    related: ['cors/allow-origin', 'cors/no-blind-reflection'],
  },
  'on-all-statuses': {
    bug: [
      'if (finished) return res.writeHead(204).end()',
      'allowOrigin(req, res)',
    ],
    flaw: 'a browser cannot read the 204: it is a network error, and the client comes back for ever',
    recipes: ['origins', 'stop', 'refuse'],
    related: ['status/204-to-stop', 'cors/allow-origin'],
  },
  'vary-origin': {
    bug: 'res.setHeader("Access-Control-Allow-Origin", req.headers.origin)   // and no Vary',
    flaw: 'a cache gives the answer for one origin to another',
    recipes: ['origins'],
    related: ['headers/vary-negotiated', 'caching/not-stored'],
  },
  'no-blind-reflection': {
    bug: 'cors({ origin: true, credentials: true })',
    flaw: 'every page in the world may read the stream with the cookies of whoever opens it',
    recipes: ['origins'],
    related: ['cors/credentials'],
  },
  'preflight-status': {
    bug: [
      'app.use(requireLogin)',
      'app.use(cors(options))',
    ],
    flaw: 'the preflight is refused by a check that stands before the CORS fields',
    recipes: ['origins', 'methods'],
    related: ['cors/preflight-anonymous', 'status/options'],
  },
  'preflight-last-event-id': {
    bug: 'Access-Control-Allow-Headers: Authorization, Content-Type',
    flaw: 'the first connection works, and the first that resumes does not',
    recipes: ['origins'],
    related: ['ids/cors-safe-bytes', 'cors/authorization-explicit'],
    page: 'resume',
  },
  'authorization-explicit': {
    bug: 'Access-Control-Allow-Headers: *',
    flaw: 'the wildcard covers every field but this one, and none at all with credentials',
    recipes: ['origins'],
    related: ['cors/preflight-last-event-id'],
  },
  'preflight-anonymous': {
    bug: 'app.options("/stream", requireLogin, cors(options))',
    flaw: 'a preflight has neither cookies nor tokens',
    recipes: ['origins', 'methods'],
    related: ['cors/preflight-status', 'auth/401-status'],
  },
}

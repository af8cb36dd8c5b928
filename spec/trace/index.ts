/** Every standard that is traced, in reading order. */
import type { Clause, Standard } from './clause.ts'
import { fetchClauses } from './fetch.ts'
import { htmlFormat } from './html-format.ts'
import { htmlInterface } from './html-interface.ts'
import { http1Clauses } from './http1.ts'
import { bearerClauses, practice } from './others.ts'
import { cachingClauses, semantics } from './semantics.ts'

export const standards: readonly Standard[] = [
  {
    title: 'WHATWG HTML, 9.2 Server-sent events and 17.7 text/event-stream',
    revision: 'Living Standard of 16 March 2026',
    clauses: [...htmlInterface, ...htmlFormat],
  },
  {
    title: 'WHATWG Fetch and Encoding',
    revision: 'Fetch 586cd2a of 2 July 2026, Encoding a985b62 of 21 May 2026',
    clauses: fetchClauses,
  },
  { title: 'RFC 9110, HTTP Semantics', revision: 'June 2022', clauses: semantics },
  { title: 'RFC 9111, HTTP Caching', revision: 'June 2022', clauses: cachingClauses },
  { title: 'RFC 9112, HTTP/1.1', revision: 'June 2022', clauses: http1Clauses },
  { title: 'RFC 6750, Bearer Tokens', revision: 'October 2012', clauses: bearerClauses },
  { title: 'Practice', revision: 'documentation as of 2026', clauses: practice },
]

export const clauses: readonly Clause[] = standards.flatMap((standard) => standard.clauses)

/** Right answers to pages of several origins; `https://app.example` may connect. */
import { driven } from '../../bytes.ts'
import type { Edit, Link, SentRequest, Transcript } from '../../model.ts'
import { changed, refused, socket } from '../bytes.ts'
import { keyOf, upgradeFields } from '../upgrade.ts'
import { nearMisses } from './near.ts'

const listed = 'https://app.example'
const foreign = 'https://evil.example'

const from = (id: string, pages: readonly string[], fields: SentRequest['headers'] = []): Partial<SentRequest> =>
  ({ headers: [['Host', 'target.test'], ...fields, ...pages.map((page) => ['Origin', page] as const), ...upgradeFields(keyOf(id))] })

const letIn = (id: string, role: string, pages: readonly string[]): Link => socket(id, { asked: from(id, pages) }, role)

const keptOut = (id: string, role: string, pages: readonly string[], { status = '403 Forbidden', fields = [] as SentRequest['headers'] } = {}): Link =>
  ({ ...refused(id, from(id, pages, fields), status), role })

export const example: Transcript = driven({ origins: [listed] }, [],
  letIn('listed', 'page/listed', [listed]),
  letIn('case', 'page/case', [listed.toUpperCase()]),
  letIn('absent', 'page/absent', []),
  keptOut('foreign', 'page/foreign', [foreign]),
  ...nearMisses(listed).map((page, i) => keptOut(`near-${i}`, 'page/near', [page])),
  keptOut('null', 'page/null', ['null']),
  keptOut('undefined', 'page/undefined', ['undefined']),
  keptOut('two', 'page/two', [listed, foreign]),
  keptOut('stranger', 'page/stranger', [], { status: '401 Unauthorized' }),
  keptOut('stranger-listed', 'page/stranger-listed', [listed], { status: '401 Unauthorized' }),
  keptOut('no-cookie', 'page/no-cookie', [listed], { status: '401 Unauthorized' }),
  keptOut('cookie', 'page/cookie', [foreign], { fields: [['Cookie', 'session=secret-of-a-user']] }),
)

/** The target switches. */
export const taken = (id: string): Edit => (transcript) => changed(transcript, id, (link) => ({ ...socket(id, {}, link.role), request: link.request }))

/** The target refuses with that status. */
export const answered = (id: string, status: string): Edit => (transcript) => changed(transcript, id, (link) => ({
  ...refused(id, {}, status), role: link.role, request: link.request,
}))

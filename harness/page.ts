/** The page of another origin that a run asks as. Pure. */
import type { Declares, SentRequest } from '../spec/model.ts'
import { allowedOrigin } from '../spec/sse/cors/pages.ts'
import type { Answer } from '../spec/sse/exchange.ts'
import type { BaseFacts } from '../suites/stimulus.ts'

/** where anybody is let in, or nobody knows who */
const anyPage = 'https://app.example'

/**
 * The origin of `--origin`; else the first that the target declares, or lets in by its first answer; else, where that
 * speaks of CORS at all, any. Undefined where nothing does: the target is asked as a page of its own origin would.
 */
export function pageOf(request: SentRequest, declares: Declares, base: Answer | undefined): BaseFacts['page'] {
  const page = asking(request, declares, base)
  return page?.origin === new URL(request.url).origin ? undefined : page
}

function asking(request: SentRequest, declares: Declares, base: Answer | undefined): BaseFacts['page'] {
  const given = request.headers.find(([name]) => /^origin$/i.test(name))?.[1]
  if (given !== undefined) return { origin: given, meant: true }
  const [declared] = declares.origins ?? []
  if (declared !== undefined) return { origin: declared === '*' ? anyPage : declared, meant: true }
  const allowed = base && allowedOrigin(base)
  if (allowed === '*') return { origin: anyPage, meant: true }
  if (allowed !== undefined && isOrigin(allowed)) return { origin: allowed, meant: true }
  const speaks = base?.head?.fields.some(({ name }) => /^access-control-/i.test(name))
  return speaks ? { origin: anyPage, meant: false } : undefined
}

const isOrigin = (text: string): boolean => text === 'null' || (URL.canParse(text) && new URL(text).origin === text)

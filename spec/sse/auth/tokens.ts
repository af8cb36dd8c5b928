/** The credentials that requests for streams carry, and which of them the driver has issued. */
import { isCredential, issuedBy, withoutScheme, type Issued } from '../../contract/tokens.ts'
import type { Answer, Exchange } from '../exchange.ts'

export { isIssue, tokenIn, type Issued } from '../../contract/tokens.ts'

/** The tokens of an exchange. */
export const issued = ({ acts }: Exchange): Issued[] => issuedBy(acts)

/** The issued token that a request carries. */
export function tokenOf(exchange: Exchange, answer: Answer): Issued | undefined {
  const { searchParams } = new URL(answer.link.request.url)
  const carried = new Set([...searchParams.values(), ...headerCredentials(answer)])
  return issued(exchange).find(({ token }) => carried.has(token))
}

/** What stands in the Authorization field, without the scheme. */
export function headerCredentials({ link }: Answer): string[] {
  return link.request.headers.filter(([name]) => name.toLowerCase() === 'authorization').map(([, value]) => withoutScheme(value))
}

/** The credentials in the query of a request: by the names that such fields have, or because the target declares them. */
export function queryCredentials({ declares }: Exchange, { link }: Answer): string[] {
  return [...new URL(link.request.url).searchParams]
    .filter(([name, value]) => value !== '' && (isCredential(name) || declares.auth?.includes(`query:${name}`)))
    .map(([, value]) => value)
}

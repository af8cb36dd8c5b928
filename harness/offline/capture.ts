/** What links of files have in common that other tools wrote: one answer, no clock, and nobody knows what was asked. Pure. */
import { readResponse } from '../../spec/http.ts'
import type { Aspect, Link, SentRequest, Transcript } from '../../spec/model.ts'

/** Stands for the URL that a file does not name. */
export const unnamedUrl = 'http://capture.invalid/'

export const unknownRequest: SentRequest = { method: 'GET', url: unnamedUrl, version: '1.1', headers: [] }

/** An answer as a link that was looked at for a while: a file does not say who left first. */
export function capturedLink(id: string, role: string, bytes: Uint8Array, request = unknownRequest): Link {
  return { id, role, request, openedAt: 0, chunks: [{ at: 0, bytes }], ended: { at: 0, by: 'kit', how: 'window' } }
}

/**
 * A captured answer as a transcript. Only framing that says so itself proves an end; without it nobody knows whether
 * the target ended the stream or the reader left it.
 */
export function captured(stimulus: string, links: readonly Link[], lacks: readonly Aspect[]): Transcript {
  const last = links.at(-1)
  const carriesEnd = last && !lacks.includes('framing') && readResponse(last).body?.complete === true
  const ends = carriesEnd ? links.with(-1, { ...last, ended: { at: 0, by: 'kit', how: 'complete' } }) : links
  return { stimulus, links: ends, acts: [], lacks: ['times', ...lacks, ...(carriesEnd ? [] : ['end' as const])] }
}

/** What a file is, found out by its content. Pure. */
import { Mistake } from '../values.ts'
import { isArchive } from './har.ts'

/** What `--format` accepts. */
export const fileFormats = ['transcript', 'har', 'http', 'body'] as const
export type FileFormat = (typeof fileFormats)[number]

export type Contents =
  | { readonly format: 'transcript' | 'recording' | 'har'; readonly value: unknown }
  | { readonly format: 'http' | 'body'; readonly bytes: Uint8Array }

const accepted = 'a recording or a transcript of --record, a HAR, what curl -iN printed, or the bytes of an event stream'
const capture = 'curl -iN URL | streamproof judge -'

/**
 * JSON by its members, `HTTP/` at the beginning, else a body when a line looks like one of an event stream.
 * @throws Mistake for what is none of these, or not what `forced` says
 */
export function formatOf(bytes: Uint8Array, file: string, forced?: FileFormat): Contents {
  if (forced === 'http' || forced === 'body') return { format: forced, bytes }
  if (bytes.length === 0) throw new Mistake(`${file} is empty`, accepted, capture)
  const start = Buffer.from(bytes.subarray(0, 4096)).toString('latin1')
  if (forced !== undefined || /^(?:\xef\xbb\xbf)?\s*[{[]/.test(start)) return jsonOf(bytes, file, forced)
  if (/^HTTP\/\d/.test(start)) return { format: 'http', bytes }
  if (/^[*<>] /m.test(start) && /^[<>] .*HTTP\/\d/m.test(start)) {
    throw new Mistake(`${file} is what curl -v prints, marks and all`, 'what curl -iN prints', capture)
  }
  if (/(?:^|[\r\n])(?:\xef\xbb\xbf)?(?:(?:data|event|id|retry)(?::|[\r\n])|:)/.test(start)) return { format: 'body', bytes }
  throw new Mistake(`${file} is nothing that can be judged`, accepted, `${capture}, or --format body if these are the bytes of a stream`)
}

function jsonOf(bytes: Uint8Array, file: string, forced?: FileFormat): Contents {
  let value: unknown
  try {
    value = JSON.parse(Buffer.from(bytes).toString('utf8').replace(/^\ufeff/, ''))
  } catch {
    throw new Mistake(`${file} is no JSON${forced ? '' : ', and begins like it'}`, accepted, forced ? capture : `${capture}, or --format body if these are the bytes of a stream`)
  }
  const { schema } = (value ?? {}) as { readonly schema?: unknown }
  if (forced !== 'har' && schema === 'streamproof-recording/1') return { format: 'recording', value }
  if (forced === 'transcript' || (forced === undefined && schema === 'streamproof-transcript/1')) return { format: 'transcript', value }
  if (isArchive(value)) return { format: 'har', value }
  if (schema === 'streamproof-report/1') throw new Mistake(`${file} is a report: what was seen is not in it`, accepted, 'streamproof URL --record recording')
  throw new Mistake(`${file} is JSON of another kind`, accepted, capture)
}

/** Readers of field values. Values are latin1 strings as the HTTP reader gives them; nothing is thrown. */

/** A token. RFC 9110 5.6.2 */
export const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const QUOTED_STRING_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/

/** A MIME type record. https://mimesniff.spec.whatwg.org/#mime-type */
export interface MediaType {
  /** lower case, `type/subtype` */
  readonly essence: string
  /** names in lower case, values as written with quotes removed; the first of each name counts */
  readonly parameters: ReadonlyMap<string, string>
}

/** "Parse a MIME type"; undefined for failure. https://mimesniff.spec.whatwg.org/#parse-a-mime-type */
export function mediaType(value: string): MediaType | undefined {
  const input = trimmed(value)
  const slash = input.indexOf('/')
  const semicolon = input.indexOf(';')
  const essenceEnd = semicolon < 0 ? input.length : semicolon
  if (slash < 0 || slash > essenceEnd) return undefined
  const type = input.slice(0, slash)
  const subtype = trimmed(input.slice(slash + 1, essenceEnd), 'end')
  if (!TOKEN.test(type) || !TOKEN.test(subtype)) return undefined
  const parameters = new Map<string, string>()
  let position = essenceEnd
  while (position < input.length) {
    position += 1
    while (isHttpWhitespace(input[position])) position += 1
    const nameStart = position
    while (position < input.length && input[position] !== ';' && input[position] !== '=') position += 1
    const name = input.slice(nameStart, position).toLowerCase()
    if (position >= input.length) break
    if (input[position] === ';') continue
    position += 1
    let parameter: string
    if (input[position] === '"') {
      const quoted = quotedString(input, position)
      parameter = quoted.value
      const next = input.indexOf(';', quoted.end)
      position = next < 0 ? input.length : next
    } else {
      const next = input.indexOf(';', position)
      const end = next < 0 ? input.length : next
      parameter = trimmed(input.slice(position, end), 'end')
      position = end
      if (parameter === '') continue
    }
    const wellFormed = TOKEN.test(name) && QUOTED_STRING_VALUE.test(parameter)
    if (wellFormed && !parameters.has(name)) parameters.set(name, parameter)
  }
  return { essence: `${type}/${subtype}`.toLowerCase(), parameters }
}

/**
 * "Extract a MIME type" from all Content-Type lines: the last usable value wins, and keeps the charset of an earlier
 * one of the same essence; undefined for failure. https://fetch.spec.whatwg.org/#concept-header-extract-mime-type
 */
export function extractMimeType(values: readonly string[]): MediaType | undefined {
  let charset: string | undefined
  let found: MediaType | undefined
  // joined before it is split: a quote that one line leaves open swallows the next
  for (const value of listItems(values.join(', '))) {
    const type = mediaType(value)
    if (!type || type.essence === '*/*') continue
    const own = type.parameters.get('charset')
    if (type.essence !== found?.essence) {
      charset = own
      found = type
    } else if (own === undefined && charset !== undefined) {
      found = { essence: type.essence, parameters: new Map([...type.parameters, ['charset', charset]]) }
    } else found = type
  }
  return found
}

/** The members of a comma-separated list, commas in quoted strings kept, empty members left out. RFC 9110 5.6.1 */
export function listItems(value: string): string[] {
  const items: string[] = []
  let start = 0
  let position = 0
  while (position <= value.length) {
    if (value[position] === '"') {
      position = quotedString(value, position).end
      continue
    }
    if (position === value.length || value[position] === ',') {
      const item = trimmed(value.slice(start, position))
      if (item !== '') items.push(item)
      start = position + 1
    }
    position += 1
  }
  return items
}

/** The codings of a Content-Encoding value, lower case, in the order applied. RFC 9110 8.4 */
export function codings(value: string): string[] {
  return listItems(value).map((coding) => coding.toLowerCase())
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']
const TIME = '(?<hour>\\d\\d):(?<minute>\\d\\d):(?<second>\\d\\d)'
const MONTH = `(?<month>${MONTHS.join('|')})`
const SHORT_DAY = `(?<day>${DAYS.map((day) => day.slice(0, 3)).join('|')})`
const IMF_FIXDATE = new RegExp(`^${SHORT_DAY}, (?<date>\\d\\d) ${MONTH} (?<year>\\d{4}) ${TIME} GMT$`)
const RFC_850 = new RegExp(`^(?<day>${DAYS.join('|')}), (?<date>\\d\\d)-${MONTH}-(?<year>\\d\\d) ${TIME} GMT$`)
const ASCTIME = new RegExp(`^${SHORT_DAY} ${MONTH} (?<date>\\d\\d| \\d) ${TIME} (?<year>\\d{4})$`)

/**
 * An HTTP-date in any of its three forms, as ms since 1970; undefined when it is none, names a day or time that does
 * not exist, or the wrong day of the week. RFC 9110 5.6.7
 *
 * @param now ms since 1970: a two-digit year more than 50 years after it is in the past. Without it 70 to 99 are 19xx.
 */
export function httpDate(value: string, now?: number): number | undefined {
  const groups = (IMF_FIXDATE.exec(value) ?? RFC_850.exec(value) ?? ASCTIME.exec(value))?.groups
  if (!groups) return undefined
  const { day = '', date, month = '', year = '', hour, minute, second } = groups
  const parts: Parts = [MONTHS.indexOf(month), Number(date), Number(hour), Number(minute), Number(second)]
  return existing(year.length === 4 ? Number(year) : fullYear(Number(year), parts, now), day, parts)
}

/** ms to wait from `now` (ms since 1970), never below 0; undefined when the value is neither. RFC 9110 10.2.3 */
export function retryAfter(value: string, now: number): number | undefined {
  if (/^\d+$/.test(value)) return Number(value) * 1000
  const date = httpDate(value, now)
  return date === undefined ? undefined : Math.max(0, date - now)
}

type Parts = readonly [month: number, date: number, hour: number, minute: number, second: number]

/** The latest year with these last two digits that is not over 50 years after `now`. RFC 9110 5.6.7 */
function fullYear(lastDigits: number, parts: Parts, now = Date.UTC(2019, 11, 31, 23, 59, 59)): number {
  const latest = new Date(now)
  latest.setUTCFullYear(latest.getUTCFullYear() + 50)
  const end = Math.floor(latest.getUTCFullYear() / 100) * 100 + lastDigits
  return Date.UTC(end, ...parts) > latest.getTime() ? end - 100 : end
}

function existing(year: number, day: string, [month, date, hour, minute, second]: Parts): number | undefined {
  // 60 is a leap second (RFC 9110 5.6.7); Date.UTC would read years below 100 as 19xx
  if (hour > 23 || minute > 59 || second > 60) return undefined
  const midnight = new Date(0)
  midnight.setUTCFullYear(year, month, date)
  if (midnight.getUTCDate() !== date || midnight.getUTCMonth() !== month) return undefined
  if (!DAYS[midnight.getUTCDay()]?.startsWith(day)) return undefined
  return midnight.getTime() + ((hour * 60 + minute) * 60 + second) * 1000
}

/** The quoted string that begins at `start`. https://fetch.spec.whatwg.org/#collect-an-http-quoted-string */
function quotedString(input: string, start: number): { value: string; end: number } {
  let value = ''
  let position = start + 1
  while (position < input.length && input[position] !== '"') {
    if (input[position] === '\\' && position + 1 < input.length) position += 1
    value += input[position]
    position += 1
  }
  return { value, end: Math.min(position + 1, input.length) }
}

function isHttpWhitespace(character: string | undefined): boolean {
  return character === ' ' || character === '\t' || character === '\n' || character === '\r'
}

/**
 * Without HTTP whitespace at both ends, or at the end only. Not String.trim: that also takes NBSP (0xA0), which is
 * obs-text, and FF and VT, which are faults. https://fetch.spec.whatwg.org/#http-whitespace
 */
export function trimmed(text: string, where: 'both' | 'end' = 'both'): string {
  let start = 0
  let end = text.length
  if (where === 'both') while (start < end && isHttpWhitespace(text[start])) start += 1
  while (end > start && isHttpWhitespace(text[end - 1])) end -= 1
  return text.slice(start, end)
}

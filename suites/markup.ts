/** Strict readers of what reports are written in: they accept less than a browser would, and throw at the rest. */

/** One element with its text; children follow it in document order. */
export interface Element {
  readonly name: string
  readonly depth: number
  readonly attributes: Readonly<Record<string, string>>
  text: string
}

const illegal = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u
const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: '\'' }

/** Text of XML 1.0 with its entities resolved. @throws at a bare ampersand and an entity that XML does not define */
function resolved(text: string): string {
  return text.replace(/&(\w+;)?/g, (whole, name: string | undefined) => {
    const character = entities[name?.slice(0, -1) ?? '']
    if (character === undefined) throw new Error(`no entity: ${whole}`)
    return character
  })
}

/**
 * The elements of an XML 1.0 document in document order. Knows neither DTD, comments, CDATA nor namespaces: a report
 * has none. @throws when the document is not well-formed, or has one of those
 */
export function readXml(document: string): Element[] {
  const character = illegal.exec(document)
  if (character) throw new Error(`no character of XML at ${character.index}`)
  const declaration = /^<\?xml version="1\.0" encoding="UTF-8"\?>\s*/.exec(document)?.[0] ?? ''
  const markup = /<(\/?)([a-z][\w-]*)((?:\s+[a-z][\w-]*="[^<"]*")*)\s*(\/?)>|[^<]+/gy
  markup.lastIndex = declaration.length
  const all: Element[] = []
  const open: Element[] = []
  let end = declaration.length
  for (let match = markup.exec(document); match; match = markup.exec(document)) {
    end = markup.lastIndex
    const [whole, slash, name, attributes = '', empty] = match
    const parent = open.at(-1)
    if (name === undefined) {
      if (whole.includes(']]>')) throw new Error(`the end of CDATA at ${match.index}`)
      if (parent) parent.text += resolved(whole)
      else if (whole.trim() !== '') throw new Error(`text outside the root at ${match.index}`)
    } else if (slash === '/') {
      if (parent?.name !== name || attributes !== '') throw new Error(`</${name}> closes ${parent?.name ?? 'nothing'}`)
      open.pop()
    } else {
      if (!parent && all.length > 0) throw new Error(`a second root: ${name}`)
      const element = { name, depth: open.length, attributes: attributesOf(attributes), text: '' }
      all.push(element)
      if (empty !== '/') open.push(element)
    }
  }
  if (end !== document.length) throw new Error(`no markup at ${end}: ${document.slice(end, end + 40)}`)
  if (open.length > 0 || all.length === 0) throw new Error(`not closed: ${open.map(({ name }) => name).join(' ')}`)
  return all
}

function attributesOf(text: string): Record<string, string> {
  const pairs = [...text.matchAll(/([a-z][\w-]*)="([^"]*)"/g)].map(([, name = '', value = '']) => [name, resolved(value)] as const)
  const names = pairs.map(([name]) => name)
  if (new Set(names).size < names.length) throw new Error(`an attribute twice: ${text}`)
  return Object.fromEntries(pairs)
}

/**
 * Markdown without what stands in code: fenced blocks and code spans (CommonMark 4.5 and 6.1; every span of a report
 * ends in its line) become `code`. What is left is what a reader of Markdown may take for markup.
 */
export function markdownSkeleton(document: string): string {
  const kept: string[] = []
  let fence = 0
  for (const line of document.split('\n')) {
    const [, run = ''] = /^ {0,3}(`{3,})[^`]*$/.exec(line) ?? []
    if (fence > 0) {
      if (run.length >= fence && line.trim() === run) fence = 0
    } else if (run !== '') {
      fence = run.length
      kept.push('code')
    } else kept.push(withoutSpans(line))
  }
  return kept.join('\n')
}

function withoutSpans(line: string): string {
  let shown = ''
  let from = 0
  const markup = /\\[!-/:-@[-`{-~]|`+/g
  for (let match = markup.exec(line); match; match = markup.exec(line)) {
    const [opening] = match
    if (opening.startsWith('\\')) continue
    const close = [...line.slice(markup.lastIndex).matchAll(/`+/g)].find(([run]) => run.length === opening.length)
    if (!close) continue
    shown += `${line.slice(from, match.index)}code`
    from = markup.lastIndex += close.index + opening.length
  }
  return (shown + line.slice(from)).replaceAll('(nothing)', 'code')
}

/** Typical bugs of `sse/encoding`. */
import type { Explanations } from './explanation.ts'

export const encoding: Explanations = {
  utf8: {
    bug: 'res.write(`data: ${text}\\n\\n`, "latin1")',
    flaw: 'clients decode as UTF-8 whatever the charset parameter says',
    recipes: ['event'],
    related: ['encoding/charset-param'],
  },
  'wellformed-across-writes': {
    bug: 'upstream.on("data", (bytes) => res.write(bytes.toString()))',
    flaw: 'a character whose bytes come in two reads becomes two replacement characters; so does a token cut by bytes',
    recipes: ['event'],
    related: ['encoding/no-surrogates', 'framing/data-roundtrip'],
  },
  'no-surrogates': {
    bug: 'for (let i = 0; i < text.length; i++) emit(text[i])',
    flaw: 'text is cut between the two halves of a pair; some runtimes then write three bytes that are no UTF-8',
    recipes: ['event'],
    related: ['encoding/wellformed-across-writes'],
  },
  'bom-only-at-start': {
    bug: 'res.write(await readFile("event.txt"))   // each file begins with EF BB BF',
    flaw: 'only the mark at the start of the stream is removed; a later one is the first character of a field name',
    recipes: ['event'],
    related: ['encoding/bom-in-payload', 'fields/exact-names'],
  },
  'charset-param': {
    bug: 'Content-Type: text/event-stream;charset=ISO-8859-1',
    flaw: 'a default of the container; the only value that is allowed is utf-8',
    recipes: ['head'],
    related: ['encoding/utf8', 'headers/content-type'],
  },
  'nul-in-data': {
    bug: 'snprintf(line, sizeof line, "data: %s\\n\\n", payload)',
    flaw: 'the text ends at its first U+0000, and longer ones at the end of the buffer',
    recipes: ['event'],
    related: ['framing/large-event', 'ids/no-nul'],
  },
  'unicode-breaks': {
    bug: [
      'for line in text.splitlines():',
      '    yield f"data: {line}\\n"',
    ],
    flaw: 'splitlines() cuts at U+0085, U+2028, VT, FF and more: they come back as line feeds',
    recipes: ['event'],
    related: ['framing/trailing-newlines', 'framing/cr-in-data'],
  },
  'bom-in-payload': {
    bug: 'new TextDecoder().decode(payload)',
    flaw: 'a decoder takes U+FEFF at the start for a mark and drops it',
    recipes: ['event'],
    related: ['encoding/bom-only-at-start'],
  },
  'no-normalisation': {
    bug: 'yield f"data: {unicodedata.normalize(\'NFC\', text)}\\n\\n"',
    flaw: 'what is compared, hashed or signed at the other end is another string',
    recipes: ['event'],
    related: ['framing/data-roundtrip'],
  },
}

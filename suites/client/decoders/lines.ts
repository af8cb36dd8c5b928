/** Decoders that are wrong about bytes, characters, lines and comments. */
import { Interpreter } from '../interpreter.ts'
import type { WrongDecoder } from './wrong.ts'

/** Does not remember that the last read ended with CR. */
class Unremembering extends Interpreter {
  override lines(text: string): string[] {
    this.afterCR = false
    return super.lines(text)
  }
}

export const wrongAboutLines: Readonly<Record<string, WrongDecoder>> = {
  'follows the charset parameter': {
    rule: 'utf8-always',
    make: class extends Interpreter {
      override utf8 = new TextDecoder(/charset=([\w-]+)/.exec(this.hearing.contentType)?.[1] ?? 'utf-8')
    },
  },
  'removes a byte order mark from each line': {
    rule: 'bom-once',
    make: class extends Interpreter {
      override line(line: string): void {
        super.line(line.replace(/^\ufeff/, ''))
      }
    },
  },
  'removes no byte order mark': { rule: 'bom-once', make: class extends Interpreter { override utf8 = new TextDecoder('utf-8', { ignoreBOM: true }) } },
  'knows the byte order mark only in one piece': {
    rule: 'bom-once',
    make: class extends Interpreter {
      override utf8 = new TextDecoder('utf-8', { ignoreBOM: true })
      #first = true
      override text(bytes: Uint8Array): string {
        const text = super.text(bytes)
        const rest = this.#first && bytes.length >= 3 ? text.replace(/^\ufeff/, '') : text
        this.#first = false
        return rest
      }
    },
  },
  'stops at bad UTF-8': {
    rule: 'invalid-utf8',
    make: class extends Interpreter { override utf8 = new TextDecoder('utf-8', { fatal: true }) },
  },
  'drops what is not UTF-8': {
    rule: 'invalid-utf8',
    make: class extends Interpreter {
      override text(bytes: Uint8Array): string {
        return super.text(bytes).replaceAll('\ufffd', '')
      }
    },
  },
  'does not know CR': { rule: 'line-ends', also: ['nul-in-data'], make: class extends Unremembering { override ends = /\r\n|\n/ } },
  'counts CRLF twice': { rule: 'line-ends', also: ['nul-in-data'], make: class extends Unremembering { override ends = /\r|\n/ } },
  'counts CRLF twice across reads': { rule: 'crlf-across-chunks', make: Unremembering },
  'splits at every line end of Unicode': { rule: 'no-other-line-ends', make: class extends Interpreter { override ends = /\r\n|[\n\r\v\f\u0085\u2028\u2029]/ } },
  'clears the block at a comment': {
    rule: 'comment',
    make: class extends Interpreter {
      override comment(): void {
        this.clear()
      }
    },
  },
  'fires an event for a comment': {
    rule: 'comment', also: ['bom-once', 'no-data-no-event'],
    make: class extends Interpreter {
      override comment(): void {
        this.data ??= ['']
      }
    },
  },
}

/** Decoders that are wrong about fields, events, ids and the end. */
import { Interpreter } from '../interpreter.ts'
import type { WrongDecoder } from './wrong.ts'

export const wrongAboutFields: Readonly<Record<string, WrongDecoder>> = {
  'splits at each colon': {
    rule: 'first-colon',
    make: class extends Interpreter {
      override split(line: string): [string, string] {
        const [name = '', value = ''] = line.split(':')
        return [name, this.unspaced(value)]
      }
    },
  },
  'splits at the last colon': {
    rule: 'first-colon',
    make: class extends Interpreter {
      override split(line: string): [string, string] {
        const colon = line.lastIndexOf(':')
        return colon < 0 ? [line, ''] : [line.slice(0, colon), this.unspaced(line.slice(colon + 1))]
      }
    },
  },
  'trims values': {
    rule: 'one-space', also: ['bom-once', 'id-set', 'nul-in-data', 'retry-digits'],
    make: class extends Interpreter {
      override unspaced(value: string): string {
        return value.trim()
      }
    },
  },
  'removes a tab': {
    rule: 'one-space',
    make: class extends Interpreter {
      override unspaced(value: string): string {
        return value.replace(/^[ \t]/, '')
      }
    },
  },
  'ignores lines without a colon': {
    rule: 'no-colon', also: ['empty-data-fires', 'event-type', 'id-empty', 'line-ends'],
    make: class extends Interpreter {
      override line(line: string): void {
        if (line === '' || line.includes(':')) super.line(line)
      }
    },
  },
  'lower-cases names': {
    rule: 'names-literal', also: ['nul-in-data'],
    make: class extends Interpreter {
      override field(name: string, value: string): void {
        super.field(name.toLowerCase(), value)
      }
    },
  },
  'trims names': {
    rule: 'names-literal', also: ['nul-in-data'],
    make: class extends Interpreter {
      override field(name: string, value: string): void {
        super.field(name.replace(/^ +| +$/g, ''), value)
      }
    },
  },
  'takes a prefix for the name': {
    rule: 'names-literal', also: ['nul-in-data'],
    make: class extends Interpreter {
      override field(name: string, value: string): void {
        super.field(name.startsWith('data') ? 'data' : name, value)
      }
    },
  },
  'fails on a lone unknown name': {
    rule: 'unknown-ignored', also: ['invalid-utf8', 'nul-in-data'],
    make: class extends Interpreter {
      override line(line: string): void {
        if (line !== '' && !/:|^(?:data|event|id|retry)$/.test(line)) throw new SyntaxError(line)
        super.line(line)
      }
    },
  },
  'keeps the last data line only': {
    rule: 'data-append', also: ['comment', 'line-ends', 'no-colon', 'nul-in-data'],
    make: class extends Interpreter {
      override join(data: readonly string[]): string {
        return data.at(-1) ?? ''
      }
    },
  },
  'removes every LF at the end': {
    rule: 'data-append', also: ['no-colon'],
    make: class extends Interpreter {
      override join(data: readonly string[]): string {
        return super.join(data).replace(/\n+$/, '')
      }
    },
  },
  'takes empty data for none': {
    rule: 'empty-data-fires',
    make: class extends Interpreter {
      override fire(data: string): void {
        if (data) super.fire(data)
      }
    },
  },
  'fires a type without data': {
    rule: 'no-data-no-event',
    make: class extends Interpreter {
      override blank(): void {
        if (this.type) this.data ??= ['']
        super.blank()
      }
    },
  },
  'keeps the type of a block without data': {
    rule: 'no-data-no-event',
    make: class extends Interpreter {
      override clear(): void {
        if (this.data) super.clear()
      }
    },
  },
  'keeps the type': {
    rule: 'event-type', also: ['no-data-no-event'],
    make: class extends Interpreter {
      override clear(): void {
        this.data = undefined
      }
    },
  },
  'keeps the type in spite of an empty one': {
    rule: 'event-type',
    make: class extends Interpreter {
      override field(name: string, value: string): void {
        if (name !== 'event' || value !== '') super.field(name, value)
      }
    },
  },
  'ends data at NUL': {
    rule: 'nul-in-data',
    make: class extends Interpreter {
      override join(data: readonly string[]): string {
        return super.join(data).split('\0')[0] ?? ''
      }
    },
  },
  'keeps the first id of a block': {
    rule: 'id-set',
    make: class extends Interpreter {
      override named(id: string): void {
        if (this.id === this.lastEventId || id === '') super.named(id)
      }
    },
  },
  'ends an id at NUL': {
    rule: 'id-nul',
    make: class extends Interpreter {
      override named(id: string): void {
        super.named(id.split('\0')[0] ?? '')
      }
    },
  },
  'takes an empty id for none': {
    rule: 'id-empty',
    make: class extends Interpreter {
      override named(id: string): void {
        if (id) super.named(id)
      }
    },
  },
  'forgets the id after each event': {
    rule: 'id-sticky', also: ['id-nul'],
    make: class extends Interpreter {
      override fire(data: string): void {
        super.fire(data)
        this.id = ''
      }
    },
  },
  'commits the id at its line': {
    rule: 'id-commit',
    make: class extends Interpreter {
      override named(id: string): void {
        super.named(id)
        this.lastEventId = this.id
      }
    },
  },
  'commits the id with an event only': {
    rule: 'id-commit',
    make: class extends Interpreter {
      override blank(): void {
        if (this.data) super.blank()
        else this.clear()
      }
    },
  },
  'reads retry with parseInt': {
    rule: 'retry-digits',
    make: class extends Interpreter {
      override retry(value: string): void {
        const ms = Number.parseInt(value, 10)
        if (!Number.isNaN(ms)) this.hearing.onRetry(ms)
      }
    },
  },
  'reads retry with Number': {
    rule: 'retry-digits',
    make: class extends Interpreter {
      override retry(value: string): void {
        this.hearing.onRetry(Number(value))
      }
    },
  },
  'takes retry at the blank line': {
    rule: 'retry-immediate',
    make: class extends Interpreter {
      #retry: string | undefined
      override retry(value: string): void {
        if (/^[0-9]+$/.test(value)) this.#retry = value
      }
      override blank(): void {
        if (this.#retry !== undefined) super.retry(this.#retry)
        super.blank()
      }
    },
  },
  'fires what is left at the end': {
    rule: 'eof-discard', also: ['id-commit', 'retry-immediate'],
    make: class extends Interpreter {
      override end(): void {
        if (this.held !== '') this.line(this.held)
        if (this.data) this.blank()
      }
    },
  },
  'loses the unfinished line between reads': {
    rule: 'chunk-invariance', also: ['bom-once'],
    make: class extends Interpreter {
      override push(bytes: Uint8Array): void {
        this.held = ''
        super.push(bytes)
      }
    },
  },
  'decodes each read by itself': {
    rule: 'chunk-invariance', also: ['bom-once'],
    make: class extends Interpreter {
      override text(bytes: Uint8Array): string {
        return new TextDecoder().decode(bytes)
      }
    },
  },
}

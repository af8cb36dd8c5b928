/** A decoder written once more, line by line in the words of the standard, each step of which can be done wrong. */
import type { Decoder, Hearing } from '../../clients/source.ts'

export class Interpreter implements Decoder {
  protected readonly hearing: Hearing
  protected utf8 = new TextDecoder()
  protected ends = /\r\n|\n|\r/
  /** the unfinished line */
  protected held = ''
  protected afterCR = false
  protected data: string[] | undefined
  protected type = ''
  protected id: string
  lastEventId: string

  constructor(hearing: Hearing) {
    this.hearing = hearing
    this.id = hearing.carried
    this.lastEventId = hearing.carried
  }

  push(bytes: Uint8Array): void {
    for (const line of this.lines(this.text(bytes))) this.line(line)
  }

  text(bytes: Uint8Array): string {
    return this.utf8.decode(bytes, { stream: true })
  }

  lines(text: string): string[] {
    if (text === '') return []
    const rest = this.afterCR && text.startsWith('\n') ? text.slice(1) : text
    this.afterCR = text.endsWith('\r')
    const lines = (this.held + rest).split(this.ends)
    this.held = lines.pop() ?? ''
    return lines
  }

  line(line: string): void {
    if (line === '') this.blank()
    else if (line.startsWith(':')) this.comment()
    else this.field(...this.split(line))
  }

  comment(): void {}

  split(line: string): [name: string, value: string] {
    const colon = line.indexOf(':')
    if (colon < 0) return [line, '']
    return [line.slice(0, colon), this.unspaced(line.slice(colon + 1))]
  }

  unspaced(value: string): string {
    return value.startsWith(' ') ? value.slice(1) : value
  }

  field(name: string, value: string): void {
    if (name === 'data') (this.data ??= []).push(value)
    else if (name === 'event') this.type = value
    else if (name === 'id') this.named(value)
    else if (name === 'retry') this.retry(value)
  }

  named(id: string): void {
    if (!id.includes('\0')) this.id = id
  }

  retry(value: string): void {
    if (/^[0-9]+$/.test(value)) this.hearing.onRetry(Number(value))
  }

  blank(): void {
    this.lastEventId = this.id
    if (this.data) this.fire(this.join(this.data))
    this.clear()
  }

  join(data: readonly string[]): string {
    return data.join('\n')
  }

  fire(data: string): void {
    this.hearing.onEvent({ type: this.type || 'message', data, lastEventId: this.id })
  }

  clear(): void {
    this.data = undefined
    this.type = ''
  }

  end(): void {}
}

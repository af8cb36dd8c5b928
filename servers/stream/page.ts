/** The page at `/`: what a browser makes of the stream. Nothing is loaded from anywhere else. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { whole } from './answer.ts'
import type { Whole } from './answer.ts'

const html = readFileSync(new URL('page.html', import.meta.url), 'utf8')

/** The hash by which the policy lets the page's own inline element pass, and no other. */
function sourceHash(element: 'script' | 'style'): string {
  const text = html.slice(html.indexOf(`<${element}>`) + element.length + 2, html.indexOf(`</${element}>`))
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`
}

const policy = [
  "default-src 'none'",
  "connect-src 'self'",
  `script-src ${sourceHash('script')}`,
  `style-src ${sourceHash('style')}`,
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ')

export const page: Whole = whole(200, 'text/html; charset=utf-8', html, {
  'Content-Security-Policy': policy,
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
})

/** Origins that look like another one, and are not: https://www.rfc-editor.org/rfc/rfc6454#section-5 */

/** Each is taken for `origin` by a comparison that somebody has written. Empty for what has no host. */
export function nearMisses(origin: string): string[] {
  const [, scheme, host, port = ''] = /^(https?):\/\/(\[[^\]]*\]|[^:/?#@]+)(:\d+)?$/i.exec(origin) ?? []
  if (scheme === undefined || host === undefined) return []
  const at = (name: string, otherPort = port, otherScheme = scheme): string => `${otherScheme}://${name}${otherPort}`
  const isName = !/^[\d.]+$|^\[/.test(host)
  return [
    // startsWith
    ...(isName ? [at(`${host}.evil.example`)] : []),
    ...(port !== '' && Number(port.slice(1)) < 6553 ? [at(host, `${port}1`)] : []),
    // endsWith, of the origin's host and of a domain
    at(`evil${host}`),
    at(`evil.${host}`),
    // only the host, or only host and port, is compared
    at(host, port === ':8081' ? ':8082' : ':8081'),
    at(host, port, /^https$/i.test(scheme) ? 'http' : 'https'),
    // the same host to DNS, another origin to browsers
    at(`${host}.`),
    // what stands before @ is no host
    at(`${host}@evil.example`, ''),
    // a regular expression whose dots are any character
    ...(isName && host.includes('.') ? [at(host.replace('.', 'x'))] : []),
  ]
}

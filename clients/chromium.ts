/**
 * The EventSource of a real Chromium, without a window. Type:
 * npx streamproof client --keep --at-once 2 --cmd 'node clients/chromium.ts'
 */
import { eachUrl, types, watch } from './adapter.ts'
import { launched } from './browser.ts'

/** In the page: each source lives in a frame of its own, so that it can be let go by removing the frame. */
const script = `
  const watch = ${watch}
  let current
  function begin(url) {
    if (current) current.close()
    current = undefined
    document.body.replaceChildren()
    if (url === '') return
    const frame = document.body.appendChild(document.createElement('iframe'))
    const source = new frame.contentWindow.EventSource(url)
    current = watch(source, ${JSON.stringify(types)}, (line) => say(JSON.stringify({ url, ...line })), () => frame.remove())
  }`

/** URLs that came while the browser started wait for it. */
const ready = (async () => {
  const page = await (await launched()).newPage()
  await page.exposeFunction('say', (line: string) => console.log(line))
  await page.goto(process.env.STREAMPROOF_PAGE ?? 'about:blank')
  await page.addScriptTag({ content: script })
  return (url: string) => page.evaluate(`begin(${JSON.stringify(url)})`)
})()
ready.catch((error: unknown) => {
  console.error(String(error))
  process.exit(1)
})

let turn: Promise<unknown> = ready
eachUrl((url) => {
  turn = turn.then(async () => (await ready)(url))
})

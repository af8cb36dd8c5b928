/** SHA-1, for the one place where WebSocket needs it. https://www.rfc-editor.org/rfc/rfc6455#section-4.2.2 */

const rotated = (word: number, by: number): number => (word << by) | (word >>> (32 - by))

/** The digest of these bytes (FIPS 180-4 6.1). Synchronous, where Web Crypto is not. */
export function sha1(bytes: Uint8Array): Uint8Array {
  const length = Math.ceil((bytes.length + 9) / 64) * 64
  const padded = Buffer.alloc(length)
  padded.set(bytes)
  padded[bytes.length] = 0x80
  padded.writeBigUInt64BE(BigInt(bytes.length) * 8n, length - 8)
  let [h0, h1, h2, h3, h4] = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0]
  const words = new Int32Array(80)
  for (let block = 0; block < length; block += 64) {
    for (let i = 0; i < 16; i++) words[i] = padded.readInt32BE(block + 4 * i)
    for (let i = 16; i < 80; i++) {
      words[i] = rotated((words[i - 3] ?? 0) ^ (words[i - 8] ?? 0) ^ (words[i - 14] ?? 0) ^ (words[i - 16] ?? 0), 1)
    }
    let [a, b, c, d, e] = [h0, h1, h2, h3, h4]
    for (let i = 0; i < 80; i++) {
      const [f, k] = i < 20 ? [(b & c) | (~b & d), 0x5a827999]
        : i < 40 ? [b ^ c ^ d, 0x6ed9eba1]
          : i < 60 ? [(b & c) | (b & d) | (c & d), 0x8f1bbcdc] : [b ^ c ^ d, 0xca62c1d6]
      const next = (rotated(a, 5) + f + e + k + (words[i] ?? 0)) | 0
      ;[a, b, c, d, e] = [next, a, rotated(b, 30), c, d]
    }
    h0 = (h0 + a) | 0
    h1 = (h1 + b) | 0
    h2 = (h2 + c) | 0
    h3 = (h3 + d) | 0
    h4 = (h4 + e) | 0
  }
  const digest = Buffer.alloc(20)
  for (const [i, word] of [h0, h1, h2, h3, h4].entries()) digest.writeInt32BE(word | 0, 4 * i)
  return new Uint8Array(digest)
}

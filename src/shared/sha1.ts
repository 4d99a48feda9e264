/**
 * SHA-1 of byte strings: for DEBUG DIGEST and the names of scripts, where Redis uses it. Not for anything that must
 * withstand an attacker.
 */

export const SHA1_BYTES = 20;

const BLOCK_BYTES = 64;
/** Where the length in bits stands in the last block. */
const LENGTH_AT = 56;

const schedule = new Int32Array(80);
const state = new Int32Array(5);
const padding = new Uint8Array(2 * BLOCK_BYTES);

/** Writes the SHA-1 of `len` bytes to `out` from `outOff` on; `out` may be the buffer that is hashed. */
export function sha1(buf: Uint8Array, off: number, len: number, out: Uint8Array, outOff: number): void {
  state[0] = 0x67452301;
  state[1] = 0xefcdab89;
  state[2] = 0x98badcfe;
  state[3] = 0x10325476;
  state[4] = 0xc3d2e1f0;
  const whole = len - (len % BLOCK_BYTES);
  for (let at = 0; at < whole; at += BLOCK_BYTES) block(buf, off + at);
  const rest = len - whole;
  const padded = rest < LENGTH_AT ? BLOCK_BYTES : 2 * BLOCK_BYTES;
  padding.fill(0, rest, padded);
  for (let i = 0; i < rest; i++) padding[i] = buf[off + whole + i]!;
  padding[rest] = 0x80;
  writeWord(padding, padded - 8, Math.floor(len / 536870912));
  writeWord(padding, padded - 4, len << 3);
  for (let at = 0; at < padded; at += BLOCK_BYTES) block(padding, at);
  for (let i = 0; i < 5; i++) writeWord(out, outOff + i * 4, state[i]!);
}

/** The SHA-1 of `len` bytes as 40 hexadecimal digits. */
export function sha1Hex(buf: Uint8Array, off: number, len: number): string {
  const out = new Uint8Array(SHA1_BYTES);
  sha1(buf, off, len, out, 0);
  return hexOf(out);
}

/** Bytes as hexadecimal digits in lower case. */
export function hexOf(bytes: Uint8Array): string {
  let out = '';
  for (let i = 0; i < bytes.length; i++) out += (bytes[i]! + 256).toString(16).slice(1);
  return out;
}

function writeWord(out: Uint8Array, at: number, word: number): void {
  out[at] = word >>> 24;
  out[at + 1] = word >>> 16;
  out[at + 2] = word >>> 8;
  out[at + 3] = word;
}

/** Mixes 64 bytes into the state (FIPS 180-4, section 6.1.2). */
function block(buf: Uint8Array, off: number): void {
  const w = schedule;
  for (let t = 0, at = off; t < 16; t++, at += 4) {
    w[t] = (buf[at]! << 24) | (buf[at + 1]! << 16) | (buf[at + 2]! << 8) | buf[at + 3]!;
  }
  for (let t = 16; t < 80; t++) {
    const x = w[t - 3]! ^ w[t - 8]! ^ w[t - 14]! ^ w[t - 16]!;
    w[t] = (x << 1) | (x >>> 31);
  }
  let a = state[0]!;
  let b = state[1]!;
  let c = state[2]!;
  let d = state[3]!;
  let e = state[4]!;
  for (let t = 0; t < 80; t++) {
    let f: number;
    if (t < 20) f = ((b & c) | (~b & d)) + 0x5a827999;
    else if (t < 40) f = (b ^ c ^ d) + 0x6ed9eba1;
    else if (t < 60) f = ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
    else f = (b ^ c ^ d) + 0xca62c1d6;
    const next = (((a << 5) | (a >>> 27)) + f + e + w[t]!) | 0;
    e = d;
    d = c;
    c = (b << 30) | (b >>> 2);
    b = a;
    a = next;
  }
  state[0] = (state[0]! + a) | 0;
  state[1] = (state[1]! + b) | 0;
  state[2] = (state[2]! + c) | 0;
  state[3] = (state[3]! + d) | 0;
  state[4] = (state[4]! + e) | 0;
}

/**
 * LZF, the compression of strings in RDB files. The format, after its author Marc Lehmann's description:
 *
 *   000LLLLL                    L + 1 literal bytes follow
 *   LLLooooo oooooooo           copy L + 2 bytes (L from 1 to 6) from o + 1 bytes back
 *   111ooooo LLLLLLLL oooooooo  the same with L + 9 bytes
 */
import { rdbDamaged } from './rdb-errors.ts';

const LITERALS_MAX = 32;
const COPY_MAX = 264;
const DISTANCE_MAX = 8192;
const HASH_BITS = 13;
const POSITION_LIMIT = 2 ** 30;

/** No compressed text of `bytes` bytes becomes longer than this: three bytes stand for at most 264. */
export function lzfDecompressedMax(bytes: number): number {
  return bytes * 88 + COPY_MAX;
}

export class LzfCompressor {
  /** Place + 1, counted over all calls so that nothing need be cleared, of the last three bytes of each hash. */
  readonly #table: Int32Array = new Int32Array(1 << HASH_BITS);
  #base = 0;

  /**
   * Compresses `len` bytes (below 2^29) into out[outOff …].
   * @returns bytes written, or 0 if they do not fit `room` bytes.
   */
  compress(buf: Uint8Array, off: number, len: number, out: Uint8Array, outOff: number, room: number): number {
    const base = this.#begin(len);
    const table = this.#table;
    const end = off + len;
    const stop = outOff + room;
    // The control byte of the literals under way stands at o - literals - 1.
    let o = outOff + 1;
    let literals = 0;
    let i = off;
    const last = end - 2;
    while (i < last) {
      const word = buf[i]! | (buf[i + 1]! << 8) | (buf[i + 2]! << 16);
      const h = Math.imul(word, 0x9e3779b1) >>> (32 - HASH_BITS);
      // Negative for what an earlier call left there.
      const seen = table[h]! - base - 1;
      const here = i - off;
      table[h] = base + here + 1;
      const distance = here - seen - 1;
      const r = off + seen;
      if (seen >= 0 && distance < DISTANCE_MAX && (buf[r]! | (buf[r + 1]! << 8) | (buf[r + 2]! << 16)) === word) {
        const most = end - i < COPY_MAX ? end - i : COPY_MAX;
        let n = 3;
        while (n < most && buf[r + n] === buf[i + n]) n++;
        if (literals > 0) out[o - literals - 1] = literals - 1;
        else o--;
        if (o + 4 > stop) return 0;
        const code = n - 2;
        if (code < 7) out[o++] = (code << 5) | (distance >>> 8);
        else {
          out[o++] = (7 << 5) | (distance >>> 8);
          out[o++] = code - 7;
        }
        out[o++] = distance;
        literals = 0;
        o++;
        i += n;
      } else {
        if (o >= stop) return 0;
        out[o++] = buf[i++]!;
        if (++literals === LITERALS_MAX) {
          out[o - LITERALS_MAX - 1] = LITERALS_MAX - 1;
          literals = 0;
          o++;
        }
      }
    }
    for (; i < end; i++) {
      if (o >= stop) return 0;
      out[o++] = buf[i]!;
      if (++literals === LITERALS_MAX) {
        out[o - LITERALS_MAX - 1] = LITERALS_MAX - 1;
        literals = 0;
        o++;
      }
    }
    if (literals > 0) out[o - literals - 1] = literals - 1;
    else o--;
    return o <= stop ? o - outOff : 0;
  }

  #begin(len: number): number {
    if (this.#base + len >= POSITION_LIMIT) {
      this.#table.fill(0);
      this.#base = 0;
    }
    const base = this.#base;
    this.#base += len;
    return base;
  }
}

/**
 * Decompresses buf[off, off + len) into out[outOff, outOff + outLen), which it must fill exactly.
 * @throws OperationalError RDB_DAMAGED
 */
export function lzfDecompress(buf: Uint8Array, off: number, len: number, out: Uint8Array, outOff: number, outLen: number): void {
  const end = off + len;
  const stop = outOff + outLen;
  let i = off;
  let o = outOff;
  while (i < end) {
    const control = buf[i++]!;
    if (control < LITERALS_MAX) {
      let n = control + 1;
      if (i + n > end || o + n > stop) throw badLzf();
      for (; n > 0; n--) out[o++] = buf[i++]!;
      continue;
    }
    let n = control >>> 5;
    if (n === 7) {
      if (i >= end) throw badLzf();
      n += buf[i++]!;
    }
    if (i >= end) throw badLzf();
    let from = o - ((control & 31) << 8) - buf[i++]! - 1;
    n += 2;
    if (from < outOff || o + n > stop) throw badLzf();
    // Byte by byte: source and target may overlap, and then the pattern repeats.
    for (; n > 0; n--) out[o++] = out[from++]!;
  }
  if (o !== stop) throw badLzf();
}

function badLzf(): Error {
  return rdbDamaged('compressed bytes are not valid LZF');
}

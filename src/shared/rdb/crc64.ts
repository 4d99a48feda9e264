/**
 * CRC-64 of the RDB format: polynomial 0xad93d23594c935a9 (Jones), reflected, starting from 0, nothing added at the end.
 *
 * Eight bytes a step ("slicing by eight", Kounavis and Berry), the 64-bit register as two 32-bit halves: a bigint in the
 * loop would cost a hundred times as much.
 */

/** The polynomial with its bits in reverse order. */
const POLY_HI = 0x95ac9329 | 0;
const POLY_LO = 0xac4bc9b5 | 0;

/** TABLE_LO[k * 256 + b]: what byte b does to the register when k more bytes follow in the same step. */
const TABLE_LO: Int32Array = new Int32Array(8 * 256);
const TABLE_HI: Int32Array = new Int32Array(8 * 256);

for (let b = 0; b < 256; b++) {
  let lo = b;
  let hi = 0;
  for (let bit = 0; bit < 8; bit++) {
    const carry = lo & 1;
    lo = (lo >>> 1) | (hi << 31);
    hi >>>= 1;
    if (carry !== 0) {
      lo ^= POLY_LO;
      hi ^= POLY_HI;
    }
  }
  TABLE_LO[b] = lo;
  TABLE_HI[b] = hi;
}
for (let n = 256; n < TABLE_LO.length; n++) {
  const lo = TABLE_LO[n - 256]!;
  const hi = TABLE_HI[n - 256]!;
  TABLE_LO[n] = ((lo >>> 8) | (hi << 24)) ^ TABLE_LO[lo & 255]!;
  TABLE_HI[n] = (hi >>> 8) ^ TABLE_HI[lo & 255]!;
}

/** A running checksum; `hi` and `lo` are its halves, as signed 32-bit patterns. */
export class Crc64 {
  hi = 0;
  lo = 0;

  reset(): void {
    this.hi = 0;
    this.lo = 0;
  }

  update(buf: Uint8Array, off: number, len: number): void {
    const L = TABLE_LO;
    const H = TABLE_HI;
    let { hi, lo } = this;
    let at = off;
    const end = off + len;
    for (const end8 = off + (len & ~7); at < end8; at += 8) {
      const a = lo ^ (buf[at]! | (buf[at + 1]! << 8) | (buf[at + 2]! << 16) | (buf[at + 3]! << 24));
      const b = hi ^ (buf[at + 4]! | (buf[at + 5]! << 8) | (buf[at + 6]! << 16) | (buf[at + 7]! << 24));
      const a0 = 1792 + (a & 255);
      const a1 = 1536 + ((a >>> 8) & 255);
      const a2 = 1280 + ((a >>> 16) & 255);
      const a3 = 1024 + (a >>> 24);
      const b0 = 768 + (b & 255);
      const b1 = 512 + ((b >>> 8) & 255);
      const b2 = 256 + ((b >>> 16) & 255);
      const b3 = b >>> 24;
      lo = L[a0]! ^ L[a1]! ^ L[a2]! ^ L[a3]! ^ L[b0]! ^ L[b1]! ^ L[b2]! ^ L[b3]!;
      hi = H[a0]! ^ H[a1]! ^ H[a2]! ^ H[a3]! ^ H[b0]! ^ H[b1]! ^ H[b2]! ^ H[b3]!;
    }
    for (; at < end; at++) {
      const n = (lo ^ buf[at]!) & 255;
      lo = ((lo >>> 8) | (hi << 24)) ^ L[n]!;
      hi = (hi >>> 8) ^ H[n]!;
    }
    this.hi = hi;
    this.lo = lo;
  }

  /** Writes the checksum's eight bytes, little-endian, as RDB files and DUMP payloads end. */
  write(buf: Uint8Array, off: number): void {
    for (let i = 0; i < 4; i++) {
      buf[off + i] = this.lo >>> (8 * i);
      buf[off + 4 + i] = this.hi >>> (8 * i);
    }
  }

  /** Whether the eight bytes at `off` are this checksum. */
  equals(buf: Uint8Array, off: number): boolean {
    for (let i = 0; i < 4; i++) {
      if (buf[off + i] !== ((this.lo >>> (8 * i)) & 255) || buf[off + 4 + i] !== ((this.hi >>> (8 * i)) & 255)) return false;
    }
    return true;
  }

  /** Sixteen hexadecimal digits. */
  hex(): string {
    return (this.hi >>> 0).toString(16).padStart(8, '0') + (this.lo >>> 0).toString(16).padStart(8, '0');
  }
}

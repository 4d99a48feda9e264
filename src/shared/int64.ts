/**
 * A 64-bit integer as two 32-bit words, for counters that may leave the 53 bits of a number. Mutable, so that the hot path
 * makes no objects. The words are signed 32-bit integers; whether the whole is signed is its user's matter.
 */

const WORD = 4294967296;

export class Int64 {
  hi = 0;
  lo = 0;

  set(hi: number, lo: number): this {
    this.hi = hi | 0;
    this.lo = lo | 0;
    return this;
  }

  /** @param value a safe integer. */
  setNumber(value: number): this {
    return this.set(Math.floor(value / WORD), value);
  }

  /** Takes the low 64 bits. */
  setBig(value: bigint): this {
    return this.set(Number(BigInt.asIntN(32, value >> 32n)), Number(BigInt.asIntN(32, value)));
  }

  copy(other: Int64): this {
    return this.set(other.hi, other.lo);
  }

  increment(): void {
    this.lo = (this.lo + 1) | 0;
    if (this.lo === 0) this.hi = (this.hi + 1) | 0;
  }

  isZero(): boolean {
    return this.hi === 0 && this.lo === 0;
  }

  /** The signed value; rounded where it is no safe integer. */
  toNumber(): number {
    return this.hi * WORD + (this.lo >>> 0);
  }

  /** The exact signed value. */
  toBig(): bigint {
    return (BigInt(this.hi) << 32n) | BigInt(this.lo >>> 0);
  }
}

/**
 * Scores as elements of packed cells: a small integer in 1, 2 or 4 bytes (two's complement), any other score as a double
 * in 8, all little-endian. The element's length tells which. Zero has no sign here.
 */
import type { Bytes } from '../memory/entries.ts';

const double = new Float64Array(1);
const doubleBytes = new Uint8Array(double.buffer);

/** Bytes that a score takes at most. */
export const SCORE_BYTES_MAX = 8;

/** 0 for -0, any other score as it is. */
export function withoutSignedZero(score: number): number {
  return score + 0;
}

/** Writes a score to the beginning of `out`; returns how many bytes it took. */
export function writeScore(score: number, out: Uint8Array): number {
  const integer = score | 0;
  if (integer !== score) {
    double[0] = score;
    for (let i = 0; i < SCORE_BYTES_MAX; i++) out[i] = doubleBytes[i]!;
    return SCORE_BYTES_MAX;
  }
  out[0] = integer;
  if (integer === (integer << 24) >> 24) return 1;
  out[1] = integer >> 8;
  if (integer === (integer << 16) >> 16) return 2;
  out[2] = integer >> 16;
  out[3] = integer >> 24;
  return 4;
}

/** The score that `writeScore` wrote. */
export function readScore(bytes: Bytes): number {
  const { buf, off } = bytes;
  switch (bytes.len) {
    case 1: return (buf[off]! << 24) >> 24;
    case 2: return ((buf[off]! | (buf[off + 1]! << 8)) << 16) >> 16;
    case 4: return buf[off]! | (buf[off + 1]! << 8) | (buf[off + 2]! << 16) | (buf[off + 3]! << 24);
    default:
      for (let i = 0; i < SCORE_BYTES_MAX; i++) doubleBytes[i] = buf[off + i]!;
      return double[0]!;
  }
}

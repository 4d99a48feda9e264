/**
 * The sizes of cells that the arena hands out, and how many pages a slab of each class spans.
 *
 * Steps of 8 bytes up to 256, then 16 classes a doubling: a cell is at most 1/16 larger than what was asked for.
 */

/** A page is the unit in which slabs take memory from a chunk. */
export const PAGE_BYTES = 65536;

/** The largest size that gets a cell in a slab; above it an allocation is a run of whole pages. */
export const CELL_BYTES_MAX = 262144;

const FINE_BYTES_MAX = 256;
const CELL_BYTES_MIN = 16;

function makeClassBytes(): Int32Array {
  const sizes: number[] = [];
  for (let s = CELL_BYTES_MIN; s <= FINE_BYTES_MAX; s += 8) sizes.push(s);
  for (let base = FINE_BYTES_MAX; base < CELL_BYTES_MAX; base *= 2) {
    for (let k = 1; k <= 16; k++) sizes.push(base + (base / 16) * k);
  }
  return Int32Array.from(sizes);
}

/** Cell size of each class in bytes, ascending. */
export const CLASS_BYTES: Int32Array = makeClassBytes();
export const CLASS_COUNT = CLASS_BYTES.length;

/** Pages in a slab of each class: the fewest that waste at most 1/64 of the slab at its end; for large cells the best of up to 16. */
export const CLASS_SLAB_PAGES: Int32Array = CLASS_BYTES.map((bytes) => {
  let best = 0;
  let bestWaste = 1;
  for (let pages = Math.ceil(bytes / PAGE_BYTES); pages <= 16; pages++) {
    const total = pages * PAGE_BYTES;
    const waste = (total % bytes) / total;
    if (waste <= 1 / 64) return pages;
    if (waste < bestWaste) {
      bestWaste = waste;
      best = pages;
    }
  }
  return best;
});

// Class by size in 8-byte units, for sizes up to 4 KiB.
const TABLE_BYTES_MAX = 4096;
const CLASS_BY_UNITS: Uint8Array = new Uint8Array(TABLE_BYTES_MAX / 8 + 1);
for (let units = 0, c = 0; units <= TABLE_BYTES_MAX / 8; units++) {
  while (CLASS_BYTES[c]! < units * 8) c++;
  CLASS_BY_UNITS[units] = c;
}

/** The class of the smallest cell that holds `bytes`. `bytes` must be at most CELL_BYTES_MAX. */
export function classOf(bytes: number): number {
  if (bytes <= TABLE_BYTES_MAX) return CLASS_BY_UNITS[(bytes + 7) >>> 3]!;
  // 2^k < bytes <= 2^(k+1), k >= 12: sixteen classes between them.
  const k = 31 - Math.clz32(bytes - 1);
  const step = (bytes - 1 - (1 << k)) >>> (k - 4);
  return (FINE_BYTES_MAX - CELL_BYTES_MIN) / 8 + 16 * (k - 8) + step + 1;
}

/** The library `struct`: packing and unpacking of C structures (Roberto Ierusalimschy's struct.c with Redis's changes). */
import { BadArgument, PositionedError, checkNumber, checkString, optInteger } from '../arguments.ts';
import type { HostFunction, LuaEngine, LuaValue } from '../lua-engine.ts';
import { Toll, VALUE_BYTES } from '../toll.ts';

const INTEGER_BYTES_MAX = 32;
const ALIGNMENT = 8;
const INT_MAX = 2147483647;
const MASK_64 = (1n << 64n) - 1n;

/** Walks a format. The options seen so far stand in `littleEndian` and `alignment`. */
class Format {
  littleEndian = true;
  alignment = 1;
  /** The option under way and its size in bytes. */
  option = '';
  size = 0;
  readonly #text: string;
  readonly #toll: Toll;
  #at = 0;

  constructor(text: string, toll: Toll) {
    this.#toll = toll;
    const zero = text.indexOf('\0');
    this.#text = zero < 0 ? text : text.slice(0, zero);
  }

  /** Goes to the next option; false at the end. */
  next(): boolean {
    if (this.#at >= this.#text.length) return false;
    this.#toll.add(VALUE_BYTES);
    this.option = this.#text[this.#at++]!;
    this.size = this.#sizeOf(this.option);
    return true;
  }

  /** Goes to the last of the options here that are the same; returns how many they are. */
  skipSame(): number {
    const start = this.#at;
    while (this.#text[this.#at] === this.option) this.#at++;
    const count = this.#at - start + 1;
    this.#toll.add(count);
    return count;
  }

  #sizeOf(option: string): number {
    switch (option) {
      case 'b': case 'B': case 'x': return 1;
      case 'h': case 'H': return 2;
      case 'l': case 'L': case 'T': case 'd': return 8;
      case 'f': return 4;
      case 'c': return this.#number(1);
      case 'i': case 'I': {
        const size = this.#number(4);
        if (size > INTEGER_BYTES_MAX) throw new PositionedError(`integral size ${size} is larger than limit of ${INTEGER_BYTES_MAX}`);
        return size;
      }
      default: return 0;
    }
  }

  #number(otherwise: number): number {
    const digits = /^\d+/.exec(this.#text.slice(this.#at));
    if (digits === null) return otherwise;
    this.#at += digits[0].length;
    const value = Number(digits[0]);
    if (value > INT_MAX) throw new PositionedError('integral size overflow');
    return value;
  }

  /** Bytes that must come before the option at position `at` for its alignment. */
  padding(at: number): number {
    if (this.size === 0 || this.option === 'c') return 0;
    const size = Math.min(this.size, this.alignment);
    return (size - (at & (size - 1))) & (size - 1);
  }

  /** Options that take no value. */
  control(): void {
    switch (this.option) {
      case ' ': return;
      case '>': this.littleEndian = false; return;
      case '<': this.littleEndian = true; return;
      case '!': {
        const alignment = this.#number(ALIGNMENT);
        if (alignment === 0 || (alignment & (alignment - 1)) !== 0) throw new PositionedError(`alignment ${alignment} is not a power of 2`);
        this.alignment = alignment;
        return;
      }
      default: throw new BadArgument(1, `invalid format option '${this.option}'`);
    }
  }
}

function bytesText(bytes: readonly number[], littleEndian: boolean): string {
  return String.fromCharCode(...(littleEndian ? bytes : [...bytes].reverse()));
}

/** As C converts a double to a 64-bit integer, unsigned where it is too large for a signed one. */
function integerBits(value: number): bigint {
  if (Number.isNaN(value) || value < -(2 ** 63) || value >= 2 ** 64) return 1n << 63n;
  return BigInt(Math.trunc(value)) & MASK_64;
}

function packInteger(value: number, size: number, littleEndian: boolean): string {
  const bytes: number[] = [];
  let rest = integerBits(value);
  for (let i = 0; i < size; i++) {
    bytes.push(Number(rest & 255n));
    rest >>= 8n;
  }
  return bytesText(bytes, littleEndian);
}

function packFloating(value: number, size: number, littleEndian: boolean): string {
  const view = new DataView(new ArrayBuffer(8));
  if (size === 4) view.setFloat32(0, value, true);
  else view.setFloat64(0, value, true);
  return bytesText([...new Uint8Array(view.buffer, 0, size)], littleEndian);
}

function pack(given: readonly LuaValue[], toll: Toll): LuaValue[] {
  const format = new Format(checkString(given, 0), toll);
  // A missing argument is told of as nil.
  const args = [...given, undefined];
  let out = '';
  let arg = 1;
  while (format.next()) {
    out += '\0'.repeat(format.padding(out.length));
    switch (format.option) {
      case 'b': case 'B': case 'h': case 'H': case 'l': case 'L': case 'T': case 'i': case 'I':
        out += packInteger(checkNumber(args, arg++), format.size, format.littleEndian);
        break;
      // No bytes of each alone: a million of them would be a million strings.
      case 'x': out += '\0'.repeat(format.skipSame()); break;
      case 'f': case 'd': out += packFloating(checkNumber(args, arg++), format.size, format.littleEndian); break;
      case 'c': case 's': {
        const text = checkString(args, arg++);
        const size = format.size === 0 ? text.length : format.size;
        if (text.length < size) throw new BadArgument(arg + 1, 'string too short');
        toll.add(size);
        out += text.slice(0, size);
        if (format.option === 's') out += '\0';
        break;
      }
      default: format.control();
    }
  }
  return [out];
}

function unpackInteger(data: string, at: number, size: number, littleEndian: boolean, signed: boolean): number {
  let value = 0n;
  for (let i = 0; i < size && i < 8; i++) value |= BigInt(data.charCodeAt(littleEndian ? at + i : at + size - i - 1)) << BigInt(8 * i);
  return Number(signed ? BigInt.asIntN(Math.min(size, 8) * 8, value) : value);
}

function unpackFloating(data: string, at: number, size: number, littleEndian: boolean): number {
  const view = new DataView(new ArrayBuffer(8));
  for (let i = 0; i < size; i++) view.setUint8(i, data.charCodeAt(at + i));
  return size === 4 ? view.getFloat32(0, littleEndian) : view.getFloat64(0, littleEndian);
}

function unpack(args: readonly LuaValue[], toll: Toll): LuaValue[] {
  const format = new Format(checkString(args, 0), toll);
  const data = checkString(args, 1);
  let at = optInteger(args, 2, 1);
  if (at < 1) throw new BadArgument(3, 'offset must be 1 or greater');
  at--;
  const out: LuaValue[] = [];
  while (format.next()) {
    at += format.padding(at);
    let { size } = format;
    if (at + size > data.length) throw new BadArgument(2, 'data string too short');
    switch (format.option) {
      case 'b': case 'h': case 'l': case 'i': out.push(unpackInteger(data, at, size, format.littleEndian, true)); break;
      case 'B': case 'H': case 'L': case 'T': case 'I': out.push(unpackInteger(data, at, size, format.littleEndian, false)); break;
      case 'x': break;
      case 'f': case 'd': out.push(unpackFloating(data, at, size, format.littleEndian)); break;
      case 'c':
        if (size === 0) {
          const previous = out.pop();
          if (typeof previous !== 'number') throw new PositionedError("format 'c0' needs a previous size");
          size = Math.trunc(previous);
          if (size < 0 || at + size > data.length) throw new BadArgument(2, 'data string too short');
        }
        toll.add(size);
        out.push(data.slice(at, at + size));
        break;
      case 's': {
        const end = data.indexOf('\0', at);
        if (end < 0) throw new PositionedError('unfinished string in data');
        toll.add(end - at);
        out.push(data.slice(at, end));
        size = end - at + 1;
        break;
      }
      default: format.control();
    }
    at += size;
  }
  out.push(at + 1);
  return out;
}

function size(args: readonly LuaValue[], toll: Toll): LuaValue[] {
  const format = new Format(checkString(args, 0), toll);
  let at = 0;
  while (format.next()) {
    at += format.padding(at);
    if (format.option === 's') throw new BadArgument(1, "option 's' has no fixed size");
    if (format.option === 'c' && format.size === 0) throw new BadArgument(1, "option 'c0' has no fixed size");
    if (!/[a-zA-Z0-9]/.test(format.option)) format.control();
    at += format.size;
  }
  return [at];
}

/** Functions by name. */
export function structLibrary(engine: LuaEngine): Readonly<Record<string, HostFunction>> {
  const toll = new Toll(engine);
  return { pack: (args) => pack(args, toll), unpack: (args) => unpack(args, toll), size: (args) => size(args, toll) };
}

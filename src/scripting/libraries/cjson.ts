/** The library `cjson`: lua-cjson 2.1 as Redis has it, with its settings. */
import { BadArgument, PositionedError, checkInteger, checkString, isTable } from '../arguments.ts';
import { type HostFunction, type LuaEngine, type LuaTable, type LuaValue, NULL_USERDATA, luaTypeOf } from '../lua-engine.ts';
import { formatGeneral } from '../number-format.ts';
import { Toll, VALUE_BYTES } from '../toll.ts';
import { JsonDecoder } from './json-decoder.ts';

const INT_MAX = 2147483647;
const INT_MIN = -2147483648;

const ESCAPES = new Map([['"', '\\"'], ['\\', '\\\\'], ['/', '\\/'], ['\b', '\\b'], ['\t', '\\t'], ['\n', '\\n'], ['\f', '\\f'], ['\r', '\\r']]);
const ESCAPED = /[\u0000-\u001f"\\/\u007f]/;
/** So many chars are escaped at once: what V8 joins of the pieces of a longer text may be more than it can hold. */
const SLICE_CHARS = 8192;
const ESCAPE_CHARS_MAX = 6;

type InvalidNumbers = 'off' | 'on' | 'null';

/** What scripts may set. Scripts share it, as they share the library. */
class Settings {
  sparseConvert = false;
  sparseRatio = 2;
  sparseSafe = 10;
  encodeDepthMax = 1000;
  decodeDepthMax = 1000;
  precision = 14;
  keepBuffer = true;
  encodeInvalid: InvalidNumbers = 'off';
  decodeInvalid = true;
}

/** By the code of a char: bytes of what stands for it, and their number. */
const escapes = new Uint8Array(256 * ESCAPE_CHARS_MAX);
const escapeLengths = new Uint8Array(256);
for (let code = 0; code < 256; code++) {
  const char = String.fromCharCode(code);
  const escape = ESCAPED.test(char) ? (ESCAPES.get(char) ?? `\\u${code.toString(16).padStart(4, '0')}`) : char;
  escapeLengths[code] = Buffer.from(escape, 'latin1').copy(escapes, code * ESCAPE_CHARS_MAX);
}
const escaped = Buffer.allocUnsafeSlow(SLICE_CHARS * ESCAPE_CHARS_MAX);

function escapeSlice(text: string, start: number, end: number): string {
  let length = 0;
  for (let i = start; i < end; i++) {
    const code = text.charCodeAt(i);
    const at = code * ESCAPE_CHARS_MAX;
    for (let k = 0; k < escapeLengths[code]!; k++) escaped[length++] = escapes[at + k]!;
  }
  return escaped.toString('latin1', 0, length);
}

function encodeText(text: string, toll: Toll): string {
  toll.add(text.length);
  if (!ESCAPED.test(text)) return `"${text}"`;
  let out = '"';
  for (let start = 0; start < text.length; start += SLICE_CHARS) {
    const slice = escapeSlice(text, start, Math.min(text.length, start + SLICE_CHARS));
    toll.add(slice.length);
    out += slice;
  }
  return `${out}"`;
}

class Encoder {
  readonly #settings: Settings;
  readonly #toll: Toll;
  #depth = 0;

  constructor(settings: Settings, toll: Toll) {
    this.#settings = settings;
    this.#toll = toll;
  }

  value(value: LuaValue): string {
    this.#toll.add(VALUE_BYTES);
    switch (typeof value) {
      case 'string': return encodeText(value, this.#toll);
      case 'number': return this.#number(value);
      case 'boolean': return String(value);
      case 'undefined': return 'null';
      default:
        if (isTable(value)) return this.#table(value);
        if (value === NULL_USERDATA) return 'null';
        throw this.#refusal(value, 'type not supported');
    }
  }

  #refusal(value: LuaValue, reason: string): PositionedError {
    return new PositionedError(`Cannot serialise ${luaTypeOf(value)}: ${reason}`);
  }

  #number(value: number): string {
    if (!Number.isFinite(value)) {
      if (this.#settings.encodeInvalid === 'off') throw this.#refusal(value, 'must not be NaN or Inf');
      if (this.#settings.encodeInvalid === 'null') return 'null';
      if (Number.isNaN(value)) return 'nan';
    }
    if (Number.isInteger(value) && this.#settings.precision === 14 && value > -1e14 && value < 1e14 && value !== 0) return String(value);
    return formatGeneral(value, this.#settings.precision);
  }

  #table(table: LuaTable): string {
    this.#depth++;
    if (this.#depth > this.#settings.encodeDepthMax) throw new PositionedError(`Cannot serialise, excessive nesting (${this.#depth})`);
    const length = this.#arrayLength(table);
    const out = length > 0 ? this.#array(table, length) : this.#object(table);
    this.#depth--;
    return out;
  }

  /** The largest index of an array, or less than 1 if it is none (or so sparse that it is to be an object). */
  #arrayLength(table: LuaTable): number {
    let max = 0;
    let items = 0;
    for (let pair = table.next(undefined); pair !== null; pair = table.next(pair[0])) {
      const key = pair[0];
      if (typeof key !== 'number' || key < 1 || Math.floor(key) !== key) return -1;
      // C casts it to an int, which it makes the least one if it is none.
      if (key > max) max = key > INT_MAX ? INT_MIN : key;
      items++;
    }
    const { sparseRatio, sparseSafe, sparseConvert } = this.#settings;
    if (sparseRatio > 0 && max > items * sparseRatio && max > sparseSafe) {
      if (!sparseConvert) throw this.#refusal(table, 'excessively sparse array');
      return -1;
    }
    return max;
  }

  #array(table: LuaTable, length: number): string {
    let out = '[';
    for (let i = 1; i <= length; i++) out += (i > 1 ? ',' : '') + this.value(table.get(i));
    return `${out}]`;
  }

  #object(table: LuaTable): string {
    let out = '{';
    for (let pair = table.next(undefined); pair !== null; pair = table.next(pair[0])) {
      const [key, value] = pair;
      if (out.length > 1) out += ',';
      if (typeof key === 'number') out += `"${this.#number(key)}":`;
      else if (typeof key === 'string') out += `${encodeText(key, this.#toll)}:`;
      else throw this.#refusal(key, 'table key must be a number or string');
      out += this.value(value);
    }
    return `${out}}`;
  }
}

// ---- Settings ----

function atMost(args: readonly LuaValue[], count: number): void {
  if (args.length > count) throw new BadArgument(count + 1, 'found too many arguments');
}

function integerOption(args: readonly LuaValue[], i: number, now: number, min: number, max: number): number {
  if (args[i] === undefined) return now;
  const value = checkInteger(args, i);
  if (value < min || value > max) throw new BadArgument(1, `expected integer between ${min} and ${max}`);
  return value;
}

function option(args: readonly LuaValue[], i: number, now: string, names: readonly string[]): string {
  const value = args[i];
  if (value === undefined) return now;
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  const text = checkString(args, i);
  if (!names.includes(text)) throw new BadArgument(i + 1, `invalid option '${text}'`);
  return text;
}

const shown = (setting: string): LuaValue => (setting === 'on' ? true : setting === 'off' ? false : setting);

function settingFunctions(settings: Settings): Readonly<Record<string, HostFunction>> {
  const onOff = (args: readonly LuaValue[], i: number, now: boolean): boolean => option(args, i, now ? 'on' : 'off', ['off', 'on']) === 'on';
  return {
    encode_sparse_array: (args) => {
      atMost(args, 3);
      settings.sparseConvert = onOff(args, 0, settings.sparseConvert);
      settings.sparseRatio = integerOption(args, 1, settings.sparseRatio, 0, INT_MAX);
      settings.sparseSafe = integerOption(args, 2, settings.sparseSafe, 0, INT_MAX);
      return [settings.sparseConvert, settings.sparseRatio, settings.sparseSafe];
    },
    encode_max_depth: (args) => {
      atMost(args, 1);
      return [settings.encodeDepthMax = integerOption(args, 0, settings.encodeDepthMax, 1, INT_MAX)];
    },
    decode_max_depth: (args) => {
      atMost(args, 1);
      return [settings.decodeDepthMax = integerOption(args, 0, settings.decodeDepthMax, 1, INT_MAX)];
    },
    encode_number_precision: (args) => {
      atMost(args, 1);
      return [settings.precision = integerOption(args, 0, settings.precision, 1, 14)];
    },
    encode_keep_buffer: (args) => {
      atMost(args, 1);
      return [settings.keepBuffer = onOff(args, 0, settings.keepBuffer)];
    },
    encode_invalid_numbers: (args) => {
      atMost(args, 1);
      settings.encodeInvalid = option(args, 0, settings.encodeInvalid, ['off', 'on', 'null']) as InvalidNumbers;
      return [shown(settings.encodeInvalid)];
    },
    decode_invalid_numbers: (args) => {
      atMost(args, 1);
      return [settings.decodeInvalid = onOff(args, 0, settings.decodeInvalid)];
    },
  };
}

function only(args: readonly LuaValue[]): void {
  if (args.length !== 1) throw new BadArgument(1, 'expected 1 argument');
}

/** Functions by name, with settings of their own. */
export function cjsonLibrary(engine: LuaEngine): Readonly<Record<string, HostFunction>> {
  const settings = new Settings();
  const toll = new Toll(engine);
  return {
    encode: (args) => {
      only(args);
      return [new Encoder(settings, toll).value(args[0])];
    },
    decode: (args) => {
      only(args);
      return [new JsonDecoder(engine, toll, checkString(args, 0), settings.decodeInvalid, settings.decodeDepthMax).decode()];
    },
    ...settingFunctions(settings),
  };
}

/** The library `cmsgpack`: MessagePack as lua-cmsgpack 0.4.0 writes and reads it. */
import { BadArgument, PositionedError, checkInteger, checkString, isTable, optInteger } from '../arguments.ts';
import { listOf } from '../lists.ts';
import type { HostFunction, LuaEngine, LuaTable, LuaValue } from '../lua-engine.ts';
import { Toll, VALUE_BYTES } from '../toll.ts';

const NESTING_MAX = 16;
const view = new DataView(new ArrayBuffer(8));

const byte = (value: number): string => String.fromCharCode(value & 255);
const word = (value: number): string => byte(value >>> 8) + byte(value);
const doubleWord = (value: number): string => word(value >>> 16) + word(value);

function viewText(bytes: number): string {
  let out = '';
  for (let i = 0; i < bytes; i++) out += String.fromCharCode(view.getUint8(i));
  return out;
}

// ---- Packing ----

function packText(text: string): string {
  const { length } = text;
  if (length < 32) return byte(0xa0 | length) + text;
  if (length <= 0xff) return `\xd9${byte(length)}${text}`;
  return (length <= 0xffff ? `\xda${word(length)}` : `\xdb${doubleWord(length)}`) + text;
}

function packInteger(value: number): string {
  if (value >= 0) {
    if (value <= 127) return byte(value);
    if (value <= 0xff) return `\xcc${byte(value)}`;
    if (value <= 0xffff) return `\xcd${word(value)}`;
    if (value <= 0xffffffff) return `\xce${doubleWord(value)}`;
  } else {
    if (value >= -32) return byte(value);
    if (value >= -128) return `\xd0${byte(value)}`;
    if (value >= -32768) return `\xd1${word(value)}`;
    if (value >= -2147483648) return `\xd2${doubleWord(value)}`;
  }
  view.setBigInt64(0, BigInt(value));
  return (value >= 0 ? '\xcf' : '\xd3') + viewText(8);
}

function packNumber(value: number): string {
  if (Number.isInteger(value) && value >= -(2 ** 63) && value < 2 ** 63) return packInteger(value);
  if (Math.fround(value) === value) {
    view.setFloat32(0, value);
    return `\xca${viewText(4)}`;
  }
  view.setFloat64(0, value);
  return `\xcb${viewText(8)}`;
}

/** Number of elements if the keys are 1 … n and nothing else, or -1. */
function arrayLength(table: LuaTable): number {
  let count = 0;
  let max = 0;
  for (let pair = table.next(undefined); pair !== null; pair = table.next(pair[0])) {
    const key = pair[0];
    if (typeof key !== 'number' || key <= 0 || !Number.isInteger(key)) return -1;
    if (key > max) max = key;
    count++;
  }
  return max === count ? count : -1;
}

function header(count: number, fix: number, sixteen: string, thirtyTwo: string): string {
  if (count <= 15) return byte(fix | count);
  return count <= 0xffff ? sixteen + word(count) : thirtyTwo + doubleWord(count);
}

function packTable(table: LuaTable, level: number, toll: Toll): string {
  const length = arrayLength(table);
  if (length >= 0) {
    let out = header(length, 0x90, '\xdc', '\xdd');
    for (let i = 1; i <= length; i++) out += packValue(table.get(i), level + 1, toll);
    return out;
  }
  let out = '';
  let count = 0;
  for (let pair = table.next(undefined); pair !== null; pair = table.next(pair[0])) {
    out += packValue(pair[0], level + 1, toll) + packValue(pair[1], level + 1, toll);
    count++;
  }
  return header(count, 0x80, '\xde', '\xdf') + out;
}

function packValue(value: LuaValue, level: number, toll: Toll): string {
  toll.add(typeof value === 'string' ? VALUE_BYTES + value.length : VALUE_BYTES);
  switch (typeof value) {
    case 'string': return packText(value);
    case 'number': return packNumber(value);
    case 'boolean': return value ? '\xc3' : '\xc2';
    default: return isTable(value) && level < NESTING_MAX ? packTable(value, level, toll) : '\xc0';
  }
}

function pack(args: readonly LuaValue[], toll: Toll): LuaValue[] {
  if (args.length === 0) throw new BadArgument(0, 'MessagePack pack needs input.');
  let out = '';
  for (let i = 0; i < args.length; i++) out += packValue(args[i], 0, toll);
  return [out];
}

// ---- Unpacking ----

class Unpacker {
  at: number;
  readonly #engine: LuaEngine;
  readonly #toll: Toll;
  readonly #data: string;

  constructor(engine: LuaEngine, toll: Toll, data: string, at: number) {
    this.#engine = engine;
    this.#toll = toll;
    this.#data = data;
    this.at = at;
  }

  #need(bytes: number): void {
    if (this.#data.length - this.at < bytes) throw new PositionedError('Missing bytes in input.');
  }

  /** Reads `bytes` bytes into the view. */
  #load(bytes: number): void {
    this.#need(bytes);
    for (let i = 0; i < bytes; i++) view.setUint8(i, this.#data.charCodeAt(this.at + i));
    this.at += bytes;
  }

  #unsigned(bytes: 1 | 2 | 4): number {
    this.#load(bytes);
    return bytes === 1 ? view.getUint8(0) : bytes === 2 ? view.getUint16(0) : view.getUint32(0);
  }

  #text(length: number): string {
    this.#need(length);
    this.#toll.add(length);
    this.at += length;
    return this.#data.slice(this.at - length, this.at);
  }

  #array(length: number): LuaTable {
    const values: LuaValue[] = [undefined];
    for (let i = 1; i <= length; i++) values.push(this.value());
    return listOf(this.#engine, values);
  }

  #map(length: number): LuaTable {
    const table = this.#engine.newTable();
    for (let i = 0; i < length; i++) {
      const key = this.value();
      table.set(key, this.value());
    }
    return table;
  }

  value(): LuaValue {
    this.#toll.add(VALUE_BYTES);
    this.#need(1);
    const code = this.#data.charCodeAt(this.at++);
    if (code < 0x80) return code;
    if (code >= 0xe0) return code - 256;
    if (code < 0x90) return this.#map(code & 15);
    if (code < 0xa0) return this.#array(code & 15);
    if (code < 0xc0) return this.#text(code & 31);
    switch (code) {
      case 0xc0: return undefined;
      case 0xc2: return false;
      case 0xc3: return true;
      case 0xca: this.#load(4); return view.getFloat32(0);
      case 0xcb: this.#load(8); return view.getFloat64(0);
      case 0xcc: return this.#unsigned(1);
      case 0xcd: return this.#unsigned(2);
      case 0xce: return this.#unsigned(4);
      case 0xcf: this.#load(8); return Number(view.getBigUint64(0));
      case 0xd0: this.#load(1); return view.getInt8(0);
      case 0xd1: this.#load(2); return view.getInt16(0);
      case 0xd2: this.#load(4); return view.getInt32(0);
      case 0xd3: this.#load(8); return Number(view.getBigInt64(0));
      case 0xd9: return this.#text(this.#unsigned(1));
      case 0xda: return this.#text(this.#unsigned(2));
      case 0xdb: return this.#text(this.#unsigned(4));
      case 0xdc: return this.#array(this.#unsigned(2));
      case 0xdd: return this.#array(this.#unsigned(4));
      case 0xde: return this.#map(this.#unsigned(2));
      case 0xdf: return this.#map(this.#unsigned(4));
      default: throw new PositionedError('Bad data format in input.');
    }
  }
}

/** @param limit 0 with offset 0: everything, without saying where it ends. */
function unpack(engine: LuaEngine, toll: Toll, data: string, limit: number, offset: number): LuaValue[] {
  if (offset < 0 || limit < 0) throw new PositionedError(`Invalid request to unpack with offset of ${offset} and limit of ${data.length}.`);
  if (offset > data.length) throw new PositionedError(`Start offset ${offset} greater than input length ${data.length}.`);
  const all = limit === 0 && offset === 0;
  const unpacker = new Unpacker(engine, toll, data, offset);
  const out: LuaValue[] = [];
  while (unpacker.at < data.length && (all || out.length < limit)) out.push(unpacker.value());
  return all ? out : [unpacker.at === data.length ? -1 : unpacker.at, ...out];
}

/** Functions by name. */
export function cmsgpackLibrary(engine: LuaEngine): Readonly<Record<string, HostFunction>> {
  const toll = new Toll(engine);
  return {
    pack: (args) => pack(args, toll),
    unpack: (args) => unpack(engine, toll, checkString(args, 0), 0, 0),
    unpack_one: (args) => unpack(engine, toll, checkString(args, 0), 1, optInteger(args, 1, 0)),
    unpack_limit: (args) => unpack(engine, toll, checkString(args, 0), checkInteger(args, 1), optInteger(args, 2, 0)),
  };
}

/** RDB files: an engine saved and loaded again, files of every form made by hand, damaged files, files in pieces. */
import { describe, expect, test } from 'vitest';
import { LoadState, RdbLoader, type RdbLoadOptions } from '../../src/engine/rdb/rdb-loader.ts';
import { RdbSaver } from '../../src/engine/rdb/rdb-saver.ts';
import { EntryEffects } from '../../src/engine/rdb/entry-effects.ts';
import { reload } from '../../src/engine/rdb/reload.ts';
import { Bytes } from '../../src/engine/memory/entries.ts';
import { OperationalError } from '../../src/shared/errors.ts';
import { Crc64 } from '../../src/shared/rdb/crc64.ts';
import { RdbOpcode, RdbType } from '../../src/shared/rdb/rdb-types.ts';
import { RdbWriter } from '../../src/shared/rdb/rdb-writer.ts';
import { latin1Bytes } from '../../src/shared/request.ts';
import { SeededRandom } from '../protocol/seeded-random.ts';
import { intsetOf, ziplistOf, zipmapOf } from '../shared/rdb/old-forms.ts';
import { EngineRig } from './engine-rig.ts';
import { contents } from './keyspace-contents.ts';
import { knows, randomData } from './random-data.ts';

const NOW_MS = 1_700_000_000_000;

function save(rig: EngineRig, compress = true, slice = 1000): Uint8Array {
  const chunks: Uint8Array[] = [];
  const writer = new RdbWriter({ sink: (bytes) => { chunks.push(bytes.slice()); }, compress });
  const saver = new RdbSaver(rig.engine, writer, { createdAtS: 1_700_000_000, usedMemoryBytes: 1, aux: [['holdfast-log-index', '42'], ['x', '\xff\x00']] });
  while (saver.step(slice));
  expect(saver.keys).toBe(rig.engine.keyspace.size);
  const file = Buffer.concat(chunks);
  expect(writer.bytes).toBe(file.length);
  return file;
}

/** Loads a file in chunks and slices of the given sizes. */
function load(rig: EngineRig, file: Uint8Array, chunkBytes = 1 << 20, slice = 1000, options: RdbLoadOptions = {}): RdbLoader {
  const loader = new RdbLoader(rig.engine, options);
  for (let at = 0; ;) {
    const state = loader.step(slice);
    if (state === LoadState.done) break;
    if (state === LoadState.more) continue;
    if (at >= file.length) loader.finish();
    else loader.feed(file.slice(at, at += chunkBytes));
  }
  expect(rig.engine.keyspace.applying).toBe(false);
  expect(rig.engine.takeEffects()).toBeNull();
  return loader;
}

/** A file made by hand: its parts written one after the other, then the end. */
function fileOf(...parts: ((writer: RdbWriter) => void)[]): Uint8Array {
  const chunks: Uint8Array[] = [];
  const writer = new RdbWriter({ sink: (bytes) => { chunks.push(bytes.slice()); } });
  writer.header();
  for (const part of parts) part(writer);
  writer.end();
  return Buffer.concat(chunks);
}

function entry(type: number, key: string, value: (writer: RdbWriter) => void): (writer: RdbWriter) => void {
  return (writer) => {
    writer.byte(type);
    writer.text(key);
    value(writer);
  };
}

function blob(bytes: Uint8Array): (writer: RdbWriter) => void {
  return (writer) => { writer.string(bytes, 0, bytes.length); };
}

function counted(count: number, ...texts: string[]): (writer: RdbWriter) => void {
  return (writer) => {
    writer.length(count);
    for (const text of texts) writer.text(text);
  };
}

/** Gives a file another version and its right checksum, or zeros for it. */
function withVersion(file: Uint8Array, version: string, hasChecksum = true): Uint8Array {
  const out = Uint8Array.from(file);
  out.set(latin1Bytes(version), 5);
  const crc = new Crc64();
  crc.update(out, 0, out.length - 8);
  if (hasChecksum) crc.write(out, out.length - 8);
  else out.fill(0, out.length - 8);
  return out;
}

/** Data of every type and size there is, in several databases. */
function fill(rig: EngineRig, random: SeededRandom): void {
  for (const db of [0, 2, 3]) {
    rig.session.db = db;
    for (const words of randomData(random, rig.engine)) rig.run(...words);
  }
  rig.session.db = 0;
}

describe('round trips', () => {
  test.each([[true], [false]])('engine to file to engine, compressed: %s', (compress) => {
    const random = new SeededRandom();
    const rig = new EngineRig(random.seed);
    fill(rig, random);
    rig.effects();
    const note = `seed ${random.seed}`;
    const file = save(rig, compress, 1 + random.below(100));
    for (const [chunkBytes, slice] of [[1 << 20, 1000], [1 + random.below(300), 1 + random.below(20)], [4096, 100]] as const) {
      const copy = new EngineRig(random.seed + 1);
      const loader = load(copy, file, chunkBytes, slice);
      expect(contents(copy.engine), note).toEqual(contents(rig.engine));
      expect(loader.keys, note).toBe(rig.engine.keyspace.size);
      expect(loader.aux.get('holdfast-log-index')).toBe('42');
      expect(loader.aux.get('x')).toBe('\xff\x00');
      expect(loader.position).toBe(file.length);
      expect(loader.checksum).toMatch(/^[0-9a-f]{16}$/);
      expect(save(copy, compress).length, note).toBeGreaterThan(0);
      copy.check();
    }
    rig.check();
  });

  test('an empty engine', () => {
    const copy = new EngineRig();
    expect(load(copy, save(new EngineRig())).keys).toBe(0);
    expect(copy.engine.keyspace.size).toBe(0);
  });

  test('long lists are written as nodes of about 8 KB', () => {
    const rig = new EngineRig();
    for (let i = 0; i < 2000; i++) rig.run('RPUSH', 'l', `element ${i} of many`);
    rig.run('RPUSH', 'l', 'x'.repeat(30000), 'y');
    rig.effects();
    const file = save(rig, false);
    const at = Buffer.from(file).indexOf(Buffer.of(RdbType.listQuicklist2, 1, 108)) + 3;
    expect(file[at]).toBeGreaterThan(6);
    expect(file[at]).toBeLessThan(12);
    // Packed, with a length of 14 bits.
    expect(file[at + 1]).toBe(2);
    expect(((file[at + 2]! & 0x3f) << 8) | file[at + 3]!).toBeLessThan(8200);
  });

  test('small collections are written as Redis 7.0 writes them', () => {
    const rig = new EngineRig();
    rig.line('HSET h a 1');
    expect([...save(rig)].join()).toContain([RdbType.hashListpack, 1, 104, 12, 12, 0, 0, 0, 2, 0, 0x81, 97, 2, 1, 1, 0xff].join());
    const other = new EngineRig();
    other.line('SADD s 1 2 3');
    expect([...save(other)].join()).toContain([RdbType.setIntset, 1, 115, 14, 2, 0, 0, 0, 3, 0, 0, 0, 1, 0, 2, 0, 3, 0].join());
  });
});

test('data that is reloaded keeps the effects of its turn', () => {
  const rig = new EngineRig();
  rig.line('SET a 1');
  reload(rig.engine);
  rig.line('APPEND a 2');
  expect(rig.effects().words).toEqual([['SET', 'a', '1'], ['APPEND', 'a', '2']]);
  expect(rig.line('GET a')).toBe('12');
});

test('between steps the entry whose elements are being read may move', () => {
  const source = new EngineRig();
  for (let i = 0; i < 3000; i++) source.run('SADD', 'members', `m${i}`);
  source.effects();
  const rig = new EngineRig(5);
  const loader = new RdbLoader(rig.engine);
  loader.feed(save(source));
  const db = rig.engine.keyspace.databases[0]!;
  const addresses = new Set<number>();
  for (let n = 0; loader.step(20) !== LoadState.done; n++) {
    const ref = db.peekRaw(latin1Bytes('members'), 0, 7);
    addresses.add(ref);
    // As compaction does it, but surely.
    if (ref !== 0) db.setExpiry(ref, n % 2 === 0 ? -1 : 4_000_000_000_000);
  }
  expect(addresses.size).toBeGreaterThan(2);
  expect(contents(rig.engine).get('0:members')!.value).toEqual(contents(source.engine).get('0:members')!.value);
  rig.check();
});

describe('every form there is', () => {
  const fields = ['f1', 'v1', 'f2', '12345678901'];
  const hash = [['f1', 'v1'], ['f2', '12345678901']];
  const listpack = latin1Bytes('\x15\0\0\0\x04\0\x82f1\x03\x82v1\x03\x82f2\x03\x01\x01\xff');
  const cases: [string, (writer: RdbWriter) => void, unknown][] = [
    ['string', entry(RdbType.string, 'k', (w) => { w.text('v'); }), 'v'],
    ['string, 8 bit', entry(RdbType.string, 'k', (w) => { w.byte(0xc0); w.byte(0x80); }), '-128'],
    ['string, 16 bit', entry(RdbType.string, 'k', (w) => { w.byte(0xc1); w.byte(0xff); w.byte(0xfe); }), '-257'],
    ['string, 32 bit', entry(RdbType.string, 'k', (w) => { w.byte(0xc2); for (const b of [0, 0, 0, 0x80]) w.byte(b); }), '-2147483648'],
    ['string, LZF', entry(RdbType.string, 'k', (w) => { for (const b of [0xc3, 5, 10, 0, 65, 0xe0, 0, 0]) w.byte(b); }), 'A'.repeat(10)],
    ['string, 32-bit length', entry(RdbType.string, 'k', (w) => { for (const b of [0x80, 0, 0, 0, 1, 66]) w.byte(b); }), 'B'],
    ['string, 64-bit length', entry(RdbType.string, 'k', (w) => { for (const b of [0x81, 0, 0, 0, 0, 0, 0, 0, 1, 66]) w.byte(b); }), 'B'],
    ['set', entry(RdbType.set, 'k', counted(3, 'a', 'b', '7')), new Set(['a', 'b', '7'])],
    ['set, intset', entry(RdbType.setIntset, 'k', blob(intsetOf(['-5', '7', '70000']))), new Set(['-5', '7', '70000'])],
    ['set, listpack', entry(RdbType.setListpack, 'k', blob(listpack)), new Set(['f1', 'v1', 'f2', '1'])],
    ['hash', entry(RdbType.hash, 'k', counted(2, ...fields)), hash],
    ['hash, zipmap', entry(RdbType.hashZipmap, 'k', blob(zipmapOf(fields, 1))), hash],
    ['hash, ziplist', entry(RdbType.hashZiplist, 'k', blob(ziplistOf(fields))), hash],
    ['hash, listpack', entry(RdbType.hashListpack, 'k', blob(listpack)), [['f1', 'v1'], ['f2', '1']]],
    ['list', entry(RdbType.list, 'k', counted(3, 'a', '1', 'a')), ['a', '1', 'a']],
    ['list, ziplist', entry(RdbType.listZiplist, 'k', blob(ziplistOf(fields))), fields],
    ['list, quicklist', entry(RdbType.listQuicklist, 'k', (w) => { w.length(2); blob(ziplistOf(fields))(w); blob(ziplistOf(['z']))(w); }), [...fields, 'z']],
    ['list, quicklist 2', entry(RdbType.listQuicklist2, 'k', (w) => { w.length(2); w.length(1); w.text('plain'); w.length(2); blob(listpack)(w); }), ['plain', 'f1', 'v1', 'f2', '1']],
  ];

  test.each(cases)('%s', (_name, part, value) => {
    const rig = new EngineRig();
    expect(load(rig, fileOf(part), 3, 1).keys).toBe(1);
    expect(contents(rig.engine).get('0:k')).toEqual({ expireAtMs: -1, value: value instanceof Set ? [...value].sort() : value });
    rig.check();
  });

  test('opcodes', () => {
    const rig = new EngineRig();
    const file = fileOf(
      (w) => { w.aux('lua', 'return 1'); w.byte(RdbOpcode.function); w.text('#!lua name=lib\n'); },
      (w) => { w.byte(RdbOpcode.selectDb); w.length(3); w.byte(RdbOpcode.resizeDb); w.length(3); w.length(2 ** 40); },
      (w) => { w.byte(RdbOpcode.slotInfo); w.length(1); w.length(2); w.length(3); },
      (w) => { w.byte(RdbOpcode.expireTime); for (const b of [0, 0xf1, 0x53, 0x65]) w.byte(b); w.byte(RdbOpcode.freq); w.byte(7); },
      entry(RdbType.string, 'a', (w) => { w.text('1'); }),
      (w) => { w.byte(RdbOpcode.expireTimeMs); w.int64(NOW_MS + 1); w.byte(RdbOpcode.idle); w.length(100); },
      entry(RdbType.hash, 'b', counted(1, 'f', 'v')),
      entry(RdbType.set, 'empty', counted(0)),
      entry(RdbType.set, 'c', counted(1, 'm')),
    );
    const loader = load(rig, file, 1, 1);
    expect(Object.fromEntries(contents(rig.engine))).toEqual({
      '3:a': { expireAtMs: 1_700_000_000_000, value: '1' },
      '3:b': { expireAtMs: NOW_MS + 1, value: [['f', 'v']] },
      '3:c': { expireAtMs: -1, value: ['m'] },
    });
    expect(loader.emptyKeys).toBe(1);
    expect([...rig.engine.functions.entries()]).toEqual([['lib', '#!lua name=lib\n']]);
    const { keyspace } = rig.engine;
    const db = keyspace.databases[3]!;
    expect(keyspace.access.idleSeconds(keyspace.entries.lru(db.peekRaw(latin1Bytes('b'), 0, 1)))).toBe(100);

    const dropping = new EngineRig();
    const dropped = load(dropping, file, 1000, 1000, { dropExpiredBeforeMs: NOW_MS + 1 });
    expect([...contents(dropping.engine).keys()].sort()).toEqual(['3:b', '3:c']);
    expect(dropped.expiredKeys).toBe(1);
    expect(dropped.keys).toBe(2);
    dropping.check();
  });

  test('versions and checksums', () => {
    const file = fileOf(entry(RdbType.string, 'k', (w) => { w.text('v'); }));
    for (const version of ['0001', '0004', '0005', '0009', '0012', '0080']) {
      const loader = load(new EngineRig(), withVersion(file, version));
      expect(loader.version).toBe(Number(version));
      expect(loader.checksum === '', version).toBe(Number(version) < 5);
    }
    expect(load(new EngineRig(), withVersion(file, '0004').slice(0, -8)).keys).toBe(1);
    expect(load(new EngineRig(), file).unreadBytes).toBe(0);
    expect(load(new EngineRig(), Buffer.concat([file, Buffer.from('rest')])).unreadBytes).toBe(4);
    expect(load(new EngineRig(), withVersion(file, '0010', false)).checksum).toBe('');
    for (const version of ['0000', '0013', '0079', '0081', '00x1']) {
      expect(() => load(new EngineRig(), withVersion(file, version)), version).toThrow(OperationalError);
    }
  });
});

describe('what cannot be loaded', () => {
  const rows: [string, Uint8Array, string, RegExp][] = [
    ['a stream cut short', fileOf(entry(RdbType.stream2, 'my stream', (w) => { w.length(1); })), 'RDB_DAMAGED', /key "my stream" of database 0: /],
    ['a module value', fileOf(entry(RdbType.module, 'm', (w) => { w.length(1); })), 'RDB_UNSUPPORTED', /key "m".*a module's value/],
    ['an unknown type', fileOf(entry(99, 'k', (w) => { w.length(1); })), 'RDB_DAMAGED', /type 99/],
    ['functions without a name', fileOf((w) => { w.byte(RdbOpcode.function); w.text('x'); }), 'RDB_DAMAGED', /library of functions: Missing library metadata/],
    ['module data', fileOf((w) => { w.byte(RdbOpcode.moduleAux); w.length(1); }), 'RDB_UNSUPPORTED', /module/],
    ['a database too many', fileOf((w) => { w.byte(RdbOpcode.selectDb); w.length(4); }), 'RDB_UNSUPPORTED', /database 4/],
    ['a key twice', fileOf(entry(RdbType.string, 'k', (w) => { w.text('1'); }), entry(RdbType.string, 'k', (w) => { w.text('1'); })), 'RDB_DAMAGED', /twice/],
    ['a key twice, in two types', fileOf(entry(RdbType.string, 'k', (w) => { w.text('1'); }), entry(RdbType.set, 'k', counted(1, 'a'))), 'RDB_DAMAGED', /already/],
    ['a member twice', fileOf(entry(RdbType.set, 'k', counted(2, 'a', 'a'))), 'RDB_DAMAGED', /twice/],
    ['a field twice', fileOf(entry(RdbType.hash, 'k', counted(2, 'a', '1', 'a', '2'))), 'RDB_DAMAGED', /twice/],
    ['a field without value', fileOf(entry(RdbType.hashZiplist, 'k', blob(ziplistOf(['a'])))), 'RDB_DAMAGED', /without value/],
    ['a length beyond all bounds', fileOf(entry(RdbType.string, 'k', (w) => { w.byte(0x81); w.int64(-1); })), 'RDB_DAMAGED', /announced|bounds/],
    ['a string longer than the file', fileOf(entry(RdbType.string, 'k', (w) => { w.length(2 ** 31 - 1); })), 'RDB_DAMAGED', /end too early/],
    ['a set of 2^52 members', fileOf(entry(RdbType.set, 'k', counted(2 ** 52, 'a'))), 'RDB_DAMAGED', /./],
    ['a hash of 2^52 fields', fileOf(entry(RdbType.hash, 'k', counted(2 ** 52, 'a', 'b'))), 'RDB_DAMAGED', /./],
    ['a compressed string of 2 GB', fileOf(entry(RdbType.string, 'k', (w) => { w.byte(0xc3); w.length(5); w.length(2 ** 31 - 1); w.text('abcd'); })), 'RDB_DAMAGED', /announced/],
    ['no RDB file', latin1Bytes('*1\r\n$4\r\nPING\r\n'), 'RDB_DAMAGED', /begin/],
    ['nothing', new Uint8Array(0), 'RDB_DAMAGED', /end too early/],
  ];
  test.each(rows)('%s', (_name, file, code, message) => {
    const caught = ((): unknown => {
      try {
        return load(new EngineRig(), file, 7, 3);
      } catch (error) {
        return error;
      }
    })();
    expect(caught).toBeInstanceOf(OperationalError);
    expect((caught as OperationalError).code).toBe(code);
    expect((caught as OperationalError).message).toMatch(message);
  });
});

describe('damage', () => {
  const rig = new EngineRig();
  rig.line('SET string value');
  rig.run('SET', 'long', 'abc'.repeat(30));
  rig.line('SET number 12345 PXAT 1800000000000');
  rig.line('HSET hash a 1 b 2 c xyz');
  rig.line('SADD intset 1 2 3');
  rig.line('SADD set a b c');
  if (knows(rig.engine, 'RPUSH')) rig.line('RPUSH list a b 1 2');
  if (knows(rig.engine, 'ZADD')) rig.line('ZADD zset 1 a 2.5 b');
  const file = save(rig);
  const old = fileOf(
    entry(RdbType.hashZipmap, 'zipmap', blob(zipmapOf(['f', 'v', 'g', 'w'], 1))),
    entry(RdbType.hashZiplist, 'ziplist', blob(ziplistOf(['f', 'v', 'g', '-7']))),
    entry(RdbType.setIntset, 'ints', blob(intsetOf(['-5', '7', '70000']))),
    entry(RdbType.set, 'set', counted(2, 'a', 'b')),
  );

  const into = new EngineRig();
  let attempts = 0;

  /** Key by key: FLUSHALL would throw the arena's memory away each time. */
  function removeAll(from: EngineRig): void {
    const { keyspace } = from.engine;
    const key = new Bytes();
    keyspace.applying = true;
    for (const db of keyspace.databases) {
      const refs: number[] = [];
      while (db.size > 0) {
        refs.length = 0;
        db.scan(0, 1000, refs);
        for (const ref of refs) {
          keyspace.entries.key(ref, key);
          db.remove(key.buf, key.off, key.len);
        }
      }
    }
    while (keyspace.lazyFreeStep(1000));
    keyspace.applying = false;
  }

  function attempt(bytes: Uint8Array): 'loaded' | 'refused' {
    removeAll(into);
    try {
      load(into, bytes, 1 + (bytes.length % 50), 5);
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      expect(error.code).toMatch(/^RDB_/);
      return 'refused';
    }
    if (attempts++ % 10 === 0) into.check();
    return 'loaded';
  }

  test('every byte changed: refused, since the checksum is wrong', () => {
    for (let at = 0; at < file.length; at++) {
      const damaged = Uint8Array.from(file);
      damaged[at]! ^= 1 << (at % 8);
      const outcome = attempt(damaged);
      // Before version 5 there is no checksum: such a version is all that a flip of one bit may get past it.
      if (!(at === 8 || at === 7)) expect(outcome, `byte ${at}`).toBe('refused');
    }
  });

  test.each([['new forms', file], ['old forms', old]])('%s: every byte changed, with no checksum: refused or loaded', (_name, whole) => {
    const outcomes = { loaded: 0, refused: 0 };
    const unsummed = withVersion(whole, '0010', false);
    for (let at = 9; at < whole.length - 8; at++) {
      const damaged = Uint8Array.from(unsummed);
      damaged[at]! ^= [0x01, 0x80, 0xff][at % 3]!;
      outcomes[attempt(damaged)]++;
    }
    expect(outcomes.loaded).toBeGreaterThan(10);
    expect(outcomes.refused).toBeGreaterThan(10);
  });

  test('cut anywhere: refused', () => {
    for (let length = 0; length < file.length; length++) expect(attempt(file.subarray(0, length)), `length ${length}`).toBe('refused');
    expect(attempt(file)).toBe('loaded');
  });
});

test('large collections are logged in parts, from which a replica makes the same', () => {
  const source = new EngineRig(3);
  const elements = Array.from({ length: 3000 }, (_, i) => `element ${i} \xff\x00`);
  source.run('RPUSH', 'list', ...elements);
  source.run('SADD', 'set', ...elements);
  source.run('SADD', 'numbers', ...elements.map((_, i) => i));
  source.run('ZADD', 'scored', ...elements.flatMap((element, i) => [['inf', '-inf', '-0', '0.1', `${i / 3}`, '1e300'][i % 6]!, element]));
  source.run('HSET', 'hash', ...elements.flatMap((element, i) => [element, `value ${i}`]));
  source.run('HSET', 'timed', ...elements.flatMap((element, i) => [element, `value ${i}`]));
  source.run('HPEXPIREAT', 'timed', NOW_MS + 1_000_000, 'FIELDS', 2, elements[7]!, elements[2000]!);
  for (const element of elements) source.run('XADD', 'stream', '*', 'field', element);
  for (const key of ['list', 'set', 'scored', 'hash']) source.run('PEXPIREAT', key, NOW_MS + 5_000_000);
  source.run('SET', 'string', 'x'.repeat(30_000));
  const file = save(source);

  const [primary, replica] = [new EngineRig(4), new EngineRig(5)];
  // What has expired is there until the primary says that it has gone.
  for (const { engine } of [primary, replica]) engine.beginTurn(NOW_MS + 6_000_000);
  const loader = new RdbLoader(primary.engine, { onLoaded: new EntryEffects(primary.engine, primary.engine.loadedEffects), partBytes: 4000 });
  const blocks: { bytes: number; name: string }[] = [];
  for (let at = 0, state: number = LoadState.more; state !== LoadState.done;) {
    state = loader.step(50);
    const { words, block } = primary.effects();
    if (block !== null) {
      replica.engine.applyEffects(block);
      blocks.push({ bytes: block.length, name: words[0]!.slice(0, 2).join(' ') });
    }
    if (state === LoadState.input) loader.feed(file.slice(at, at += 1000));
  }
  expect(contents(primary.engine)).toEqual(contents(source.engine));
  expect(contents(replica.engine)).toEqual(contents(source.engine));
  const large = new Set(blocks.filter(({ bytes }) => bytes > 20_000).map(({ name }) => name));
  expect(large).toEqual(new Set(['RESTORE timed', 'RESTORE stream', 'SET string']));
  expect(new Set(blocks.map(({ name }) => name.split(' ')[0]))).toEqual(new Set(['RESTORE', 'RPUSH', 'SADD', 'ZADD', 'HSET', 'SET']));
});

/** RDB files as streams: an engine written to one, one loaded into an engine, one checked against what it should hold. */
import type { Engine } from '../engine/engine.ts';
import { contentChecksum } from '../engine/content-checksum.ts';
import { IMPORT_AUX, readImportWords } from '../engine/import-state.ts';
import { LoadState, RdbLoader } from '../engine/rdb/rdb-loader.ts';
import { RdbSaver } from '../engine/rdb/rdb-saver.ts';
import { RdbWriter } from '../shared/rdb/rdb-writer.ts';
import { SnapshotError } from './snapshot-store.ts';

export interface RdbContents {
  readonly keys: number;
  readonly aux: ReadonlyMap<string, string>;
}

/** Keys saved between two writes: what they take is held in memory meanwhile. */
const SAVE_KEYS = 64;
/** Keys and elements loaded in a row before others get their turn: some 5 ms. */
const LOAD_ENTRIES = 2000;

/** Writes everything in the engine, which nobody changes meanwhile. @returns the number of keys */
export async function saveRdb(
  engine: Engine, options: { aux: readonly (readonly [string, string])[]; nowMs: number; compress: boolean },
  write: (bytes: Uint8Array) => Promise<void>,
): Promise<number> {
  const full: Uint8Array[] = [];
  const writer = new RdbWriter({ sink: (bytes) => full.push(bytes.slice()), compress: options.compress });
  const saver = new RdbSaver(engine, writer, {
    createdAtS: Math.floor(options.nowMs / 1000), usedMemoryBytes: engine.keyspace.arena.liveBytes, aux: options.aux,
  });
  for (let more = true; more;) {
    more = saver.step(SAVE_KEYS);
    for (const bytes of full.splice(0)) await write(bytes);
  }
  return saver.keys;
}

/**
 * Loads a file into the empty engine. Keys that are logically expired are loaded too: the log tells when they go.
 * @param pause called after each slice with the bytes read so far; null: the load goes on in one run.
 * @throws OperationalError RDB_DAMAGED and its kin, SnapshotError SNAPSHOT_DAMAGED: the engine holds a part of the file.
 */
export async function loadRdb(chunks: AsyncIterable<Uint8Array>, engine: Engine, pause: ((bytes: number) => Promise<void>) | null): Promise<RdbContents> {
  const loader = new RdbLoader(engine, { withUsers: true });
  const run = async (): Promise<boolean> => {
    for (;;) {
      const state = loader.step(LOAD_ENTRIES);
      if (state !== LoadState.more) return state === LoadState.done;
      if (pause !== null) await pause(loader.position);
    }
  };
  let done = false;
  for await (const chunk of chunks) {
    if (done) throw new SnapshotError('SNAPSHOT_DAMAGED', 'bytes follow the end of the file');
    loader.feed(chunk);
    done = await run();
  }
  if (!done) {
    loader.finish();
    await run();
  }
  if (loader.checksum === '') throw new SnapshotError('SNAPSHOT_DAMAGED', 'the file has no checksum');
  const importing = loader.aux.get(IMPORT_AUX);
  if (importing !== undefined) engine.restoreImport(readImportWords(JSON.parse(importing) as string[]));
  return { keys: loader.keys, aux: loader.aux };
}

/**
 * Loads the file back in place of the engine's data and compares. The engine holds what the file does afterwards.
 * @throws SnapshotError SNAPSHOT_DAMAGED, OperationalError of the loader: the file is not what the engine held.
 */
export async function readBack(chunks: AsyncIterable<Uint8Array>, engine: Engine): Promise<RdbContents> {
  const wanted = contentChecksum(engine);
  const keys = engine.keyspace.size;
  engine.clear();
  const contents = await loadRdb(chunks, engine, null);
  const found = contentChecksum(engine);
  if (contents.keys !== keys || found !== wanted) {
    throw new SnapshotError('SNAPSHOT_DAMAGED', `what was read back is not what was written: ${contents.keys} of ${keys} keys, checksum ${found} instead of ${wanted}`);
  }
  return contents;
}

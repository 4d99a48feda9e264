/** DEBUG RELOAD: the engine's data saved as RDB and loaded again in its place. Nothing is logged: nothing changes. */
import { invariant } from '../../shared/errors.ts';
import { RdbWriter } from '../../shared/rdb/rdb-writer.ts';
import type { Engine } from '../engine.ts';
import { LoadState, RdbLoader } from './rdb-loader.ts';
import { RdbSaver } from './rdb-saver.ts';

const KEYS_IN_A_ROW = 1024;

/** The whole file is held in memory meanwhile. @throws InvariantViolation when what was saved is not what is loaded. */
export function reload(engine: Engine): void {
  engine.keyspace.events.silently(() => saveAndLoad(engine));
}

function saveAndLoad(engine: Engine): void {
  const file: Uint8Array[] = [];
  const writer = new RdbWriter({ sink: (bytes) => file.push(bytes.slice()) });
  const saver = new RdbSaver(engine, writer, { createdAtS: 0, usedMemoryBytes: 0, withUse: true });
  while (saver.step(KEYS_IN_A_ROW));
  const { importing } = engine;
  engine.clearData();
  engine.restoreImport(importing);
  const loader = new RdbLoader(engine, { withUsers: true });
  let state: number = LoadState.input;
  for (const bytes of file) {
    loader.feed(bytes);
    do state = loader.step(KEYS_IN_A_ROW); while (state === LoadState.more);
  }
  invariant(state === LoadState.done && loader.keys === saver.keys, `reload: ${loader.keys} of ${saver.keys} keys came back`);
}

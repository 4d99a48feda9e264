/** After a round: the arena is in order, and an engine that was fed only effects, and one that loaded the RDB file, have the same data. */
import { LoadState, RdbLoader } from '../../src/engine/rdb/rdb-loader.ts';
import { RdbSaver } from '../../src/engine/rdb/rdb-saver.ts';
import { datasetDigest } from '../../src/engine/digest.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { RdbWriter } from '../../src/shared/rdb/rdb-writer.ts';

const KEYS_IN_A_ROW = 1000;

export function digestOf({ keyspace, types }: Engine): string {
  return datasetDigest(keyspace, types);
}

/** The engine's data as an RDB file. */
export function savedFile(engine: Engine): Uint8Array {
  const chunks: Uint8Array[] = [];
  const writer = new RdbWriter({ sink: (bytes) => chunks.push(bytes.slice()) });
  const saver = new RdbSaver(engine, writer, { createdAtS: 0, usedMemoryBytes: 0 });
  while (saver.step(KEYS_IN_A_ROW));
  return Buffer.concat(chunks);
}

/** Loads a whole file. @throws OperationalError RDB_… */
export function loadFile(engine: Engine, file: Uint8Array): RdbLoader {
  const loader = new RdbLoader(engine, { withUsers: true });
  for (let fed = false; ;) {
    const state = loader.step(KEYS_IN_A_ROW);
    if (state === LoadState.done) return loader;
    if (state === LoadState.more) continue;
    if (fed) loader.finish();
    else loader.feed(file);
    fed = true;
  }
}

/** @throws Error or InvariantViolation where anything disagrees. `empty`: makes another engine of the same kind. */
export function assertAgreement(primary: Engine, replica: Engine, empty: () => Engine): void {
  primary.types.check();
  replica.types.check();
  const digest = digestOf(primary);
  if (digestOf(replica) !== digest) throw new Error('an engine that was fed only the effects has other data');
  const copy = empty();
  loadFile(copy, savedFile(primary));
  if (digestOf(copy) !== digest) throw new Error('an engine that loaded the RDB file has other data');
  copy.types.check();
}

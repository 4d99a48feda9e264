import { beforeEach } from 'vitest';
import { snapshotStoreContract } from '../snapshot/snapshot-store-contract.ts';
import { MemorySnapshotStore, SnapshotDisk } from './memory-snapshot-store.ts';

let disk: SnapshotDisk;
beforeEach(() => { disk = new SnapshotDisk(); });

snapshotStoreContract('memory', () => Promise.resolve(new MemorySnapshotStore(disk)));

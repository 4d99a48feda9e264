/** Where in the log a snapshot stands, as AUX fields of its RDB file. */
import type { ConfigAt } from '../txlog/raft/types.ts';
import { SnapshotError } from './snapshot-store.ts';

export interface SnapshotPosition {
  /** 40 hex digits. */
  readonly shardId: string;
  /** The last record that is in the snapshot, its term, and the log's running checksum through it. */
  readonly index: number;
  readonly term: number;
  readonly checksum: number;
  /** The shard's members at that record: a log that begins behind the snapshot must know them. */
  readonly members: ConfigAt;
}

const SHARD = 'holdfast-shard-id';
const INDEX = 'holdfast-log-index';
const TERM = 'holdfast-log-term';
const CHECKSUM = 'holdfast-log-checksum';
const MEMBERS = 'holdfast-members';

export function positionAux({ shardId, index, term, checksum, members }: SnapshotPosition): [string, string][] {
  return [
    [SHARD, shardId], [INDEX, String(index)], [TERM, String(term)], [CHECKSUM, (checksum >>> 0).toString(16).padStart(8, '0')],
    [MEMBERS, JSON.stringify(members)],
  ];
}

/** @throws SnapshotError SNAPSHOT_DAMAGED when the fields are not there: it is somebody else's RDB file. */
export function positionOf(aux: ReadonlyMap<string, string>): SnapshotPosition {
  const shardId = aux.get(SHARD);
  const index = Number(aux.get(INDEX) ?? NaN);
  const term = Number(aux.get(TERM) ?? NaN);
  const checksum = parseInt(aux.get(CHECKSUM) ?? '', 16);
  const members = membersOf(aux.get(MEMBERS));
  if (shardId === undefined || members === null || !Number.isSafeInteger(index) || !Number.isSafeInteger(term) || Number.isNaN(checksum)) {
    throw new SnapshotError('SNAPSHOT_DAMAGED', 'the file does not say where in the log it stands');
  }
  return { shardId, index, term, checksum, members };
}

function membersOf(text: string | undefined): ConfigAt | null {
  try {
    const found = JSON.parse(text ?? '') as Partial<ConfigAt> | null;
    return Number.isSafeInteger(found?.index) && Array.isArray(found?.config?.voters) ? (found as ConfigAt) : null;
  } catch {
    return null;
  }
}

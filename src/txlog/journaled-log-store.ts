/** The log as a node keeps it: `level` for what is stored, a journal in front of it for what has just been written. */
import { join } from 'node:path';
import { DirectoryJournalFiles } from './journal-files.ts';
import { JournaledLogDisk } from './journaled-log-disk.ts';
import { LevelLogDisk } from './level-log-store.ts';
import { StoredLog } from './stored-log.ts';

const SEGMENTS = 8;
const SEGMENT_BYTES = 4 * 1024 * 1024;
const WRITE_BEHIND_MS = 50;
const WRITE_BEHIND_BYTES = 1024 * 1024;
const IDLE_MARK_MS = 100;

/** A log that lives in the directory `path`, which is made if it is missing. */
export class JournaledLogStore extends StoredLog {
  constructor(path: string) {
    const files = new DirectoryJournalFiles(join(path, 'journal'), SEGMENTS, SEGMENT_BYTES);
    const disk = new JournaledLogDisk(new LevelLogDisk(join(path, 'level')), files, {
      writeBehindMs: WRITE_BEHIND_MS, writeBehindBytes: WRITE_BEHIND_BYTES,
    });
    super(disk, { idleMarkMs: IDLE_MARK_MS });
  }
}

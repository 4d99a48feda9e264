/**
 * What a journal holds when it is opened: which of its frames the disk behind it lacks. Must never decide what a gap among them
 * means: all good frames are handed on, also those behind a bad one, and the records in them tell (log-recovery.ts).
 */
import type { DiskItem } from './log-disk.ts';
import { BLOCK_BYTES, type ChangeVisitor, type FoundFrame, PUT_MARK, PUT_RECORD, findFrames, visitChanges } from './journal-frame.ts';
import type { JournalFiles } from './journal-files.ts';
import { LogError } from './log-store.ts';
import { type JournalPosition, decodeJournalPosition } from './record-codec.ts';

export interface JournalContents {
  /** What the disk knows of its journal; null if it never had one. */
  readonly position: JournalPosition | null;
  /** Frames that the disk lacks, in the order in which they were given. */
  readonly frames: readonly FoundFrame[];
  /** What older frames tell that were not overwritten yet. */
  readonly remains: readonly DiskItem[];
  /** Frames behind all of these that are not whole. */
  readonly brokenFrames: number;
}

/** Throws LogError LOG_DAMAGED when there is no journal though there should be, or the other way round. */
export async function readJournal(files: JournalFiles, stored: Uint8Array | null): Promise<JournalContents> {
  if (stored === null) {
    await refuseOrphans(files);
    return { position: null, frames: [], remains: [], brokenFrames: 0 };
  }
  const position = decodeJournalPosition(stored);
  const segments = await files.read(position.id);
  if (segments.length < position.segmentCount) throw new LogError('LOG_DAMAGED', `segment ${segments.length} of the log's journal is missing`);
  const id = Buffer.from(position.id, 'hex');
  const frames: FoundFrame[] = [];
  const remains = new Remains();
  const broken: number[] = [];
  for (const [number, segment] of segments.entries()) {
    if (segment.length !== position.segmentBytes) throw new LogError('LOG_DAMAGED', `segment ${number} of the log's journal has ${segment.length} bytes instead of ${position.segmentBytes}`);
    for (const found of findFrames(segment, id, (sequence) => broken.push(sequence))) {
      if (found.sequence > position.sequence) frames.push(found);
      else visitChanges(found.frame, remains);
    }
  }
  frames.sort((a, b) => a.sequence - b.sequence);
  // Of one in front of a good frame the records tell; and a number is used again if its first frame did not get whole.
  const last = frames.at(-1)?.sequence ?? position.sequence;
  return { position, frames, remains: remains.items, brokenFrames: broken.filter((sequence) => sequence > last).length };
}

/** A journal that is in use beside a disk that knows none: the disk was lost or exchanged. */
async function refuseOrphans(files: JournalFiles): Promise<void> {
  for (const id of await files.list()) {
    // Interrupted while it was made, a journal has no frames: every segment is made before the first frame is written.
    for (const segment of await files.read(id)) {
      if (segment.length >= BLOCK_BYTES && findFrames(segment, Buffer.from(id, 'hex')).length > 0) {
        throw new LogError('LOG_DAMAGED', 'the log has a journal, but the database to which it belongs is missing');
      }
    }
  }
}

class Remains implements ChangeVisitor {
  readonly items: DiskItem[] = [];
  change(code: number, index: number, value: Buffer): void {
    if (code === PUT_RECORD || code === PUT_MARK) this.items.push({ index, isMark: code === PUT_MARK, value });
  }
}

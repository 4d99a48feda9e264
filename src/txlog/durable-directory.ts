/**
 * Directories whose names are on the disk. One that is not there after a power failure takes everything in it along, however often
 * its files were synced; and a member that comes back with an empty log has forgotten its votes.
 */
import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Makes the names in `path` durable. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** Makes `path`, which is absolute, and what it lacks above it, durably. */
export async function makeDurableDirectory(path: string): Promise<void> {
  const firstMade = await mkdir(path, { recursive: true });
  const top = dirname(firstMade ?? path);
  for (let at = dirname(path); ; at = dirname(at)) {
    await syncDirectory(at);
    if (at === top || at === dirname(at)) return;
  }
}

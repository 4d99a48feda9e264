/** What becomes of a snapshot's own process when its server ends: it is gone before another server can be at the data. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { HoldfastProcess, type TestClient } from '../support/holdfast-process.ts';

/** Children of a process that run `program` already, by the system's list of all: one that is stopped before holds its parent up. */
function childrenOf(parent: number, program: string): number[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number).filter((pid) => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
      return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === parent && readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(program);
    } catch {
      // It has ended meanwhile.
      return false;
    }
  });
}

/** Whether a process is there and no zombie. */
function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return !['Z', 'X'].includes(stat.slice(stat.lastIndexOf(')') + 2)[0]!);
  } catch {
    return false;
  }
}

const turn = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });

let node: HoldfastProcess;
let client: TestClient;
let launcher: number;
let shadow: number;

describe.skipIf(!existsSync('/proc/self/stat'))("a snapshot's process", () => {
  beforeEach(async () => {
    node = await HoldfastProcess.start();
    client = await node.connect();
    await client.send('SET', 'k', 'v');
    await client.send('BGSAVE');
    [launcher, shadow] = [0, 0];
    while (launcher === 0) [launcher = 0] = childrenOf(node.pid, 'shadow-launcher');
    while (shadow === 0) {
      [shadow = 0] = childrenOf(launcher, 'shadow-replica');
      await turn();
    }
    // It neither comes to an end nor notices anything.
    process.kill(shadow, 'SIGSTOP');
  });
  afterEach(async () => {
    client.close();
    if (isAlive(shadow)) process.kill(shadow, 'SIGKILL');
    await node.remove();
  });

  const files = (): string[] => readdirSync(join(node.dir, 'snapshots'));

  test('is ended by SHUTDOWN, and leaves nothing', async () => {
    const ended = node.ended();
    client.send('SHUTDOWN').catch(() => undefined);
    expect(await ended).toBe(0);
    expect([isAlive(launcher), isAlive(shadow)]).toEqual([false, false]);
    expect(files()).toEqual([]);
  });

  test('ends when its server is killed, busy or not, and the next server has nothing of it', async () => {
    await node.kill('SIGKILL');
    while (isAlive(launcher) || isAlive(shadow)) await turn();
    await node.restart();
    const other = await node.connect();
    expect(await other.send('GET', 'k')).toBe('v');
    expect(files()).toEqual([]);
    other.close();
  });

  test('ends by itself when launcher and server are killed at once', async () => {
    process.kill(launcher, 'SIGKILL');
    await node.kill('SIGKILL');
    process.kill(shadow, 'SIGCONT');
    while (isAlive(shadow)) await turn();
    expect(files().filter((name) => !name.endsWith('.draft'))).toEqual([]);
  });

  test('ends when its launcher is killed, and the next snapshot is made by others', async () => {
    process.kill(launcher, 'SIGKILL');
    while (isAlive(launcher) || isAlive(shadow)) await turn();
    while ((await client.send('SAVE')).startsWith('-'));
    expect(files()).toHaveLength(1);
  });
});

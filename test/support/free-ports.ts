/**
 * Ports for servers of a test that must be known before they listen, or that are stopped and come back to the same one. Never one that
 * the system gives to connections and to those who ask for any: it might be somebody's when the server comes for it.
 */
import { once } from 'node:events';
import net from 'node:net';

/** Below what systems use for outgoing connections (Linux: 32768 and more). */
const FIRST = 10_000;
const COUNT = 22_000;
/** Test files run side by side have ports of their own each: one that is free since its server was killed is still that server's. */
const SHARES = 4;
const share = Number(process.env['VITEST_POOL_ID'] ?? 0) % SHARES;
const given = new Set<number>();

async function isFree(port: number): Promise<boolean> {
  const probe = net.createServer().listen(port, '127.0.0.1');
  try {
    await once(probe, 'listening');
  } catch {
    return false;
  }
  probe.close();
  await once(probe, 'close');
  return true;
}

/** Drawn at random: several test runs look for ports at the same time. None is given twice to a test file. */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  while (ports.length < count) {
    const port = FIRST + share + SHARES * Math.floor(Math.random() * (COUNT / SHARES));
    if (given.has(port)) continue;
    given.add(port);
    if (await isFree(port)) ports.push(port);
  }
  return ports;
}

/**
 * Ports for servers of a test that must be known before they listen, or that are stopped and come back to the same one. Never one that
 * the system gives to connections and to those who ask for any: it might be somebody's when the server comes for it.
 */
import { once } from 'node:events';
import net from 'node:net';

/** Below what systems use for outgoing connections (Linux: 32768 and more). */
const FIRST = 10_000;
const COUNT = 22_000;

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

/** Drawn at random: several test runs look for ports at the same time. */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = FIRST + Math.floor(Math.random() * COUNT);
    if (!ports.has(port) && await isFree(port)) ports.add(port);
  }
  return [...ports];
}

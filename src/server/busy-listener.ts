/**
 * A process of its own that takes new connections while a script has the server's only thread. It inherits the listening
 * descriptors, answers BUSY to everything, and passes SCRIPT KILL and FUNCTION KILL on to the server, which asks for them from the
 * script's ticks. It ends with the script, and its connections with it.
 *
 * To the server goes a line for each request, "<number> <kind>"; back comes "<number> <reply line>".
 */
import { createInterface } from 'node:readline';
import net from 'node:net';
import { ParseStatus, PendingInput, RequestParser } from '../protocol/request-parser.ts';
import { Request } from '../shared/request.ts';

/** The first inherited descriptor. */
export const FIRST_LISTENING_FD = 3;
const INPUT_BYTES_MAX = 1024 * 1024;
/** How long replies may take to reach clients after the script. */
const LAST_REPLIES_MS = 500;

/**
 * Runs until the server ends it.
 * @param listeners how many listening descriptors there are
 * @param mayKill whether who connects may end scripts: not where they must authenticate first
 * @param busy the error reply
 */
export function runBusyListener(listeners: number, mayKill: boolean, busy: string): void {
  const waiting = new Map<number, (reply: string) => void>();
  const servers: net.Server[] = [];
  /** What closes each connection after the replies it is owed. */
  const closers = new Set<() => void>();
  const end = (): void => {
    for (const server of servers) server.close();
    for (const answer of waiting.values()) answer('-NOTBUSY No scripts in execution right now.');
    for (const close of closers) close();
    setTimeout(() => process.exit(0), LAST_REPLIES_MS).unref();
  };
  let nextNumber = 1;
  createInterface({ input: process.stdin }).on('line', (line) => {
    const space = line.indexOf(' ');
    const number = Number(line.slice(0, space));
    waiting.get(number)?.(line.slice(space + 1));
    waiting.delete(number);
  }).on('close', end);

  const ask = (kind: 'script' | 'function', answer: (reply: string) => void): void => {
    waiting.set(nextNumber, answer);
    process.stdout.write(`${nextNumber++} ${kind}\n`);
  };

  const serve = (socket: net.Socket): void => {
    const parser = new RequestParser({ bulkBytesMax: INPUT_BYTES_MAX });
    const pending = new PendingInput();
    const request = new Request();
    // Replies keep the order of their commands.
    let last = Promise.resolve();
    const reply = (text: Promise<string> | string): void => {
      last = last.then(async () => { socket.write(`${await text}\r\n`); });
    };
    const close = (): void => { last = last.then(() => { socket.end(); }); };
    closers.add(close);
    socket.on('error', () => socket.destroy()).on('close', () => closers.delete(close));
    socket.on('data', (bytes) => {
      pending.append(bytes, 0, bytes.length);
      if (pending.length > INPUT_BYTES_MAX) socket.destroy();
      for (;;) {
        const status = parser.parse(pending.buf, pending.start, pending.end, request);
        if (status === ParseStatus.incomplete) return;
        if (status === ParseStatus.error) {
          socket.end(`-${parser.error}\r\n`);
          return;
        }
        const kind = status === ParseStatus.command ? killKind(request) : null;
        if (kind !== null && mayKill) reply(new Promise((resolve) => { ask(kind, resolve); }));
        else if (status === ParseStatus.command) reply(kind === null ? `-${busy}` : '-NOAUTH Authentication required.');
        pending.consume(parser.next - pending.start);
      }
    });
  };
  for (let i = 0; i < listeners; i++) servers.push(net.createServer(serve).listen({ fd: FIRST_LISTENING_FD + i }));
}

function killKind(request: Request): 'script' | 'function' | null {
  if (request.argc !== 2 || !request.is(1, 'KILL')) return null;
  return request.is(0, 'SCRIPT') ? 'script' : request.is(0, 'FUNCTION') ? 'function' : null;
}

/** How CLIENT LIST and INFO describe a connection, and the filters of CLIENT LIST and KILL. */
import type { Call } from '../../engine/call.ts';
import { SYNTAX } from '../../engine/error-texts.ts';
import { CommandError } from '../../shared/errors.ts';
import type { Connection } from '../connection.ts';
import type { Server } from '../server.ts';

/** What an entry of a connection's arguments costs besides its bytes, roughly: for `multi-mem`. */
const ARGUMENT_OVERHEAD_BYTES = 16;

function flagsOf(server: Server, c: Connection): string {
  const { session } = c;
  const flags = (session.queue !== null ? 'x' : '') + (session.blocked !== null || server.pause.isWaiting(c) ? 'b' : '') + trackingFlagsOf(c) + (session.watchBroken ? 'd' : '')
    + (c.closing ? 'c' : '') + (c.socket.remoteAddress === undefined ? 'U' : '') + (c.noEvict ? 'e' : '') + (session.noTouch ? 'T' : '') + (c.isMonitor ? 'O' : '');
  return flags === '' ? 'N' : flags;
}

function trackingFlagsOf({ tracking }: Connection): string {
  return tracking === null ? '' : `t${tracking.redirectBroken ? 'R' : ''}${tracking.broadcast ? 'B' : ''}`;
}

/** The descriptor of the connection's socket; -1 where Node does not tell. */
function descriptorOf(c: Connection): number {
  const { _handle: handle } = c.socket as unknown as { _handle: { fd?: number } | null };
  return handle?.fd ?? -1;
}

/** Bytes of the command under way as it came, and of its arguments alone. */
function currentRequest(call: Call): { wire: number; args: number } {
  let args = 0;
  let wire = 3 + String(call.req.argc).length;
  for (let i = 0; i < call.req.argc; i++) {
    const length = call.req.len[i]!;
    args += length;
    wire += 5 + String(length).length + length;
  }
  return { wire, args };
}

/** One line of CLIENT LIST, without its end. */
export function describeClient(server: Server, call: Call, c: Connection): string {
  const { session } = c;
  const seconds = (sinceMs: number): number => Math.max(0, Math.floor((server.nowMs - sinceMs) / 1000));
  const { wire, args } = c.id === call.session.id ? currentRequest(call) : { wire: 0, args: 0 };
  const queued = session.queue?.reduce((sum, { request }) => sum + request.buf.length + request.argc * ARGUMENT_OVERHEAD_BYTES, 0) ?? 0;
  const input = c.inputBytes + wire;
  return `id=${c.id} addr=${c.address} laddr=${c.localAddress} fd=${descriptorOf(c)} name=${c.name} age=${seconds(c.connectedAtMs)} idle=${seconds(c.lastActiveMs)} `
    + `flags=${flagsOf(server, c)} db=${session.db} sub=${c.subscriptions.channel.size} psub=${c.subscriptions.pattern.size} ssub=${c.subscriptions.shard.size} multi=${session.queue?.length ?? -1} qbuf=${input} qbuf-free=0 `
    + `argv-mem=${args} multi-mem=${queued} rbs=0 rbp=0 obl=${c.outputBytes} oll=0 omem=${c.outputBytes} tot-mem=${c.outputBytes + input + queued} `
    + `events=${c.socket.writableLength > 0 ? 'rw' : 'r'} cmd=${c.lastCommand || 'NULL'} user=${c.user} redir=${c.tracking?.redirect ?? -1} resp=${c.proto} lib-name=${c.libName} lib-ver=${c.libVersion}`;
}

export interface ClientFilter {
  id: number | null;
  addr: string | null;
  laddr: string | null;
  type: string | null;
  user: string | null;
  skipMe: boolean;
}

const TYPES: Record<string, string> = { normal: 'normal', master: 'master', slave: 'slave', replica: 'slave', pubsub: 'pubsub' };
const BAD_ID = new CommandError('ERR client-id should be greater than 0');

export function clientType(text: string): string {
  const type = TYPES[text.toLowerCase()];
  if (type === undefined) throw new CommandError(`ERR Unknown client type '${text}'`);
  return type;
}

/** CLIENT KILL's options from argument `from` on. @throws CommandError */
export function parseFilter(c: Call, from: number): ClientFilter {
  const { req } = c;
  const out: ClientFilter = { id: null, addr: null, laddr: null, type: null, user: null, skipMe: true };
  for (let i = from; i < req.argc; i += 2) {
    if (i + 1 >= req.argc) throw SYNTAX;
    const value = req.string(i + 1);
    if (req.is(i, 'ID')) {
      out.id = c.integer(i + 1, BAD_ID);
      if (out.id < 1) throw BAD_ID;
    } else if (req.is(i, 'TYPE')) out.type = clientType(value);
    else if (req.is(i, 'ADDR')) out.addr = value;
    else if (req.is(i, 'LADDR')) out.laddr = value;
    else if (req.is(i, 'USER')) {
      if (value !== 'default') throw new CommandError(`ERR No such user '${value}'`);
      out.user = value;
    } else if (req.is(i, 'SKIPME') && /^(yes|no)$/i.test(value)) out.skipMe = value.toLowerCase() === 'yes';
    else throw SYNTAX;
  }
  return out;
}

/** Whether the filter takes the connection, SKIPME aside. There are only normal clients. */
export function matches(filter: ClientFilter, c: Connection): boolean {
  return (filter.addr === null || c.address === filter.addr)
    && (filter.laddr === null || c.localAddress === filter.laddr)
    && (filter.type === null || filter.type === 'normal')
    && (filter.user === null || c.authenticated)
    && (filter.id === null || c.id === filter.id);
}

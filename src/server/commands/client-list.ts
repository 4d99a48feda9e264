/** How CLIENT LIST and INFO describe a connection, and the filters of CLIENT LIST and KILL. */
import type { Call } from '../../engine/call.ts';
import { SYNTAX } from '../../engine/error-texts.ts';
import { CommandError } from '../../shared/errors.ts';
import { parseIntegerStrict } from '../../shared/number-text.ts';
import type { Connection } from '../connection.ts';
import { queuedBytes } from '../memory-use.ts';
import type { Server } from '../server.ts';

function flagsOf(server: Server, c: Connection): string {
  const { session } = c;
  const flags = (c.isMonitor ? 'O' : '') + (c.subscriptions.isEmpty ? '' : 'P') + (session.queue !== null ? 'x' : '') + (session.blocked !== null || server.pause.isWaiting(c) ? 'b' : '') + trackingFlagsOf(c) + (session.watchBroken ? 'd' : '')
    + (c.closing ? 'c' : '') + (c.socket.remoteAddress === undefined ? 'U' : '') + (c.readOnly ? 'r' : '') + (c.noEvict ? 'e' : '') + (session.noTouch ? 'T' : '');
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

/**
 * One line of CLIENT LIST, without its end.
 * @param call the command that asks, which may be the connection's own; null: its arguments do not matter
 */
export function describeClient(server: Server, call: Call | null, c: Connection): string {
  const { session } = c;
  const seconds = (sinceMs: number): number => Math.max(0, Math.floor((server.nowMs - sinceMs) / 1000));
  const { wire, args } = c.id === call?.session.id ? currentRequest(call) : { wire: 0, args: 0 };
  const queued = queuedBytes(c);
  const input = c.inputBytes + wire;
  return `id=${c.id} addr=${c.address} laddr=${c.localAddress} fd=${descriptorOf(c)} name=${c.name} age=${seconds(c.connectedAtMs)} idle=${seconds(c.lastActiveMs)} `
    + `flags=${flagsOf(server, c)} db=${session.db} sub=${c.subscriptions.channel.size} psub=${c.subscriptions.pattern.size} ssub=${c.subscriptions.shard.size} multi=${session.queue?.length ?? -1} watch=${session.watched.length} qbuf=${input} qbuf-free=0 `
    + `argv-mem=${args} multi-mem=${queued} rbs=0 rbp=0 obl=${c.output.bytes} oll=0 omem=${c.output.bytes} tot-mem=${c.output.bytes + input + queued} `
    + `events=${c.socket.writableLength > 0 ? 'rw' : 'r'} cmd=${c.lastCommand || 'NULL'} user=${c.user} redir=${c.tracking?.redirect ?? -1} resp=${c.proto} lib-name=${c.libName} lib-ver=${c.libVersion} `
    + `tot-net-in=${c.bytesIn} tot-net-out=${c.bytesOut} tot-cmds=${c.commands}`;
}

export interface ClientFilter {
  ids: Set<number> | null;
  addr: string | null;
  laddr: string | null;
  type: string | null;
  user: string | null;
  /** Seconds that it has been connected at least; 0: any. */
  ageMinS: number;
  /** Null: not said. */
  skipMe: boolean | null;
}

const TYPES: Record<string, string> = { normal: 'normal', master: 'master', slave: 'slave', replica: 'slave', pubsub: 'pubsub' };
/** From which id on a filter takes any, and what it says of others. */
export const KILL_IDS = { min: 1, refusal: new CommandError('ERR client-id should be greater than 0') };
export const LIST_IDS: typeof KILL_IDS = { min: -Infinity, refusal: new CommandError('ERR Invalid client ID') };
const BAD_AGE = new CommandError('ERR maxage is not an integer or out of range');
const AGE_NOT_POSITIVE = new CommandError('ERR maxage should be greater than 0');

function clientType(text: string): string {
  const type = TYPES[text.toLowerCase()];
  if (type === undefined) throw new CommandError(`ERR Unknown client type '${text}'`);
  return type;
}

/** The options of CLIENT KILL and CLIENT LIST from argument `from` on. @throws CommandError */
export function parseFilter(c: Call, from: number, idRule: typeof KILL_IDS): ClientFilter {
  const { req } = c;
  const out: ClientFilter = { ids: null, addr: null, laddr: null, type: null, user: null, ageMinS: 0, skipMe: null };
  for (let i = from; i < req.argc; i += 2) {
    if (i + 1 >= req.argc) throw SYNTAX;
    const value = req.string(i + 1);
    if (req.is(i, 'ID')) {
      out.ids ??= new Set();
      out.ids.add(idArgument(c, i + 1, idRule));
      // Any number of ids may follow each other.
      for (; i + 2 < req.argc && isInteger(c, i + 2); i++) out.ids.add(idArgument(c, i + 2, idRule));
    } else if (req.is(i, 'MAXAGE')) {
      out.ageMinS = c.integer(i + 1, BAD_AGE);
      if (out.ageMinS <= 0) throw AGE_NOT_POSITIVE;
    } else if (req.is(i, 'TYPE')) out.type = clientType(value);
    else if (req.is(i, 'ADDR')) out.addr = value;
    else if (req.is(i, 'LADDR')) out.laddr = value;
    else if (req.is(i, 'USER')) {
      if (c.engine.users.get(value) === undefined) throw new CommandError(`ERR No such user '${value}'`);
      out.user = value;
    } else if (req.is(i, 'SKIPME') && /^(yes|no)$/i.test(value)) out.skipMe = value.toLowerCase() === 'yes';
    else throw SYNTAX;
  }
  return out;
}

function idArgument(c: Call, i: number, { min, refusal }: typeof KILL_IDS): number {
  const id = c.integer(i, refusal);
  if (id < min) throw refusal;
  return id;
}

function isInteger({ req }: Call, i: number): boolean {
  return parseIntegerStrict(req.buf, req.off[i]!, req.len[i]!);
}

/** Whether the filter takes the connection, SKIPME aside. */
export function matches(filter: ClientFilter, c: Connection, nowMs: number): boolean {
  return (nowMs - c.connectedAtMs >= filter.ageMinS * 1000)
    && (filter.addr === null || c.address === filter.addr)
    && (filter.laddr === null || c.localAddress === filter.laddr)
    && (filter.type === null || filter.type === (c.subscriptions.isEmpty ? 'normal' : 'pubsub'))
    && (filter.user === null || c.user === filter.user)
    && (filter.ids === null || filter.ids.has(c.id));
}

/** CLIENT and its subcommands (tracking is not here). */
import type { Call } from '../../engine/call.ts';
import { type Command, type Handler, command } from '../../engine/command.ts';
import { UNBLOCKED_ERROR } from '../../engine/blocking.ts';
import { SYNTAX } from '../../engine/error-texts.ts';
import { CommandError } from '../../shared/errors.ts';
import type { Connection } from '../connection.ts';
import type { Server } from '../server.ts';
import { connectionOf } from './connection.ts';
import { helpHandler } from './help.ts';

function describe(server: Server, c: Connection): string {
  const age = Math.floor((server.nowMs - c.connectedAtMs) / 1000);
  const idle = Math.floor((server.nowMs - c.lastActiveMs) / 1000);
  const { session } = c;
  const flags = (session.blocked !== null ? 'b' : '') + (session.queue !== null ? 'x' : '') + (session.watchBroken ? 'd' : '')
    + (c.closing ? 'c' : '') + (c.noEvict ? 'e' : '') + (session.noTouch ? 'T' : '');
  return `id=${c.id} addr=${c.address} laddr=${c.localAddress} fd=${c.id} name=${c.name} age=${age} idle=${idle} flags=${flags || 'N'} `
    + `db=${session.db} sub=0 psub=0 ssub=0 multi=${session.queue?.length ?? -1} watch=${session.watched.length} qbuf=${c.inputBytes} qbuf-free=0 `
    + `argv-mem=0 multi-mem=0 rbs=16384 rbp=0 obl=0 oll=0 omem=${c.outputBytes} tot-mem=${c.outputBytes + c.inputBytes} events=r `
    + `cmd=${c.lastCommand || 'NULL'} user=${c.user} redir=-1 resp=${c.proto} lib-name=${c.libName} lib-ver=${c.libVersion}`;
}

function checkName(text: string, what: string): void {
  if (/[^\x21-\x7e]/.test(text)) throw new CommandError(`ERR ${what} cannot contain spaces, newlines or special characters.`);
}

interface Filter {
  id: number | null;
  addr: string | null;
  laddr: string | null;
  type: string | null;
  user: string | null;
  skipMe: boolean;
}

function parseFilter(c: Call, from: number): Filter {
  const { req } = c;
  const out: Filter = { id: null, addr: null, laddr: null, type: null, user: null, skipMe: true };
  for (let i = from; i < req.argc; i += 2) {
    if (i + 1 >= req.argc) throw SYNTAX;
    const value = req.string(i + 1);
    if (req.is(i, 'ID')) {
      out.id = c.integer(i + 1, new CommandError('ERR client-id should be greater than 0'));
      if (out.id < 1) throw new CommandError('ERR client-id should be greater than 0');
    } else if (req.is(i, 'ADDR')) out.addr = value;
    else if (req.is(i, 'LADDR')) out.laddr = value;
    else if (req.is(i, 'USER')) {
      if (value !== 'default') throw new CommandError(`ERR No such user '${value}'`);
      out.user = value;
    } else if (req.is(i, 'TYPE')) {
      out.type = value.toLowerCase();
      if (!['normal', 'master', 'primary', 'slave', 'replica', 'pubsub'].includes(out.type)) throw new CommandError(`ERR Unknown client type '${value}'`);
    } else if (req.is(i, 'SKIPME')) {
      if (!/^(yes|no)$/i.test(value)) throw SYNTAX;
      out.skipMe = value.toLowerCase() === 'yes';
    } else throw SYNTAX;
  }
  return out;
}

function kill(server: Server, c: Call): void {
  const { req } = c;
  const self = connectionOf(server, c);
  const oldForm = req.argc === 3;
  const filter = oldForm ? { ...parseFilter(c, req.argc), addr: req.string(2), skipMe: false } : parseFilter(c, 2);
  let killed = 0;
  for (const other of [...server.connections.values()]) {
    if (filter.addr !== null && other.address !== filter.addr) continue;
    if (filter.laddr !== null && other.localAddress !== filter.laddr) continue;
    if (filter.type !== null && filter.type !== 'normal') continue;
    if (filter.id !== null && other.id !== filter.id) continue;
    if (filter.skipMe && other === self) continue;
    if (other === self) self.closeAfterReplies();
    else other.close();
    killed++;
  }
  if (!oldForm) c.reply.integer(killed);
  else if (killed > 0) c.reply.ok();
  else throw new CommandError('ERR No such client');
}

function list(server: Server, c: Call): void {
  const { req } = c;
  let wanted: (connection: Connection) => boolean = () => true;
  if (req.argc > 2 && req.is(2, 'ID') && req.argc > 3) {
    const ids = new Set<number>();
    for (let i = 3; i < req.argc; i++) ids.add(c.integer(i, new CommandError('ERR Invalid client ID')));
    wanted = (connection) => ids.has(connection.id);
  } else if (req.argc === 4 && req.is(2, 'TYPE')) {
    const { type } = parseFilter(c, 2);
    wanted = () => type === 'normal';
  } else if (req.argc > 2) throw SYNTAX;
  const lines = [...server.connections.values()].filter(wanted).map((connection) => `${describe(server, connection)}\n`);
  c.reply.verbatim('txt', lines.join(''));
}

function reply(server: Server, c: Call): void {
  const connection = connectionOf(server, c);
  if (c.req.is(2, 'ON')) {
    connection.replyMode = 'on';
    c.reply.ok();
  } else if (c.req.is(2, 'OFF')) connection.replyMode = 'off';
  else if (c.req.is(2, 'SKIP')) {
    if (connection.replyMode === 'on') connection.replyMode = 'skip';
  } else throw SYNTAX;
}

function setInfo(server: Server, c: Call): void {
  const connection = connectionOf(server, c);
  const value = c.string(3);
  if (c.req.is(2, 'LIB-NAME')) {
    checkName(value, 'lib-name');
    connection.libName = value;
  } else if (c.req.is(2, 'LIB-VER')) {
    checkName(value, 'lib-ver');
    connection.libVersion = value;
  } else throw new CommandError(`ERR Unrecognized option '${c.string(2)}'`);
  c.reply.ok();
}

function unblock(server: Server, c: Call): void {
  const { req } = c;
  let error: string | null = null;
  if (req.argc === 4) {
    if (req.is(3, 'ERROR')) error = UNBLOCKED_ERROR;
    else if (!req.is(3, 'TIMEOUT')) throw new CommandError('ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR');
  } else if (req.argc > 4) throw SYNTAX;
  const other = server.connections.get(c.integer(2));
  c.reply.integer(other !== undefined && c.engine.blocking.unblock(other.session, error) ? 1 : 0);
}

function onOff(c: Call): boolean {
  if (c.req.is(2, 'ON')) return true;
  if (c.req.is(2, 'OFF')) return false;
  throw SYNTAX;
}

const HELP = [
  'CLIENT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  'GETNAME', '    Return the name of the current connection.',
  'GETREDIR', '    Return the client ID we are redirecting to when tracking is enabled.',
  'ID', '    Return the ID of the current connection.',
  'INFO', '    Return information about the current client connection.',
  'KILL <ip:port>', '    Kill connection made from <ip:port>.',
  'KILL <option> <value> [<option> <value> [...]]', '    Kill connections by ADDR, LADDR, TYPE, USER, SKIPME or ID.',
  'LIST [options ...]', '    Return information about client connections. Options: TYPE, ID.',
  'NO-EVICT (ON|OFF)', '    Protect current client connection from eviction.',
  'NO-TOUCH (ON|OFF)', '    Will not touch LRU/LFU stats when this mode is on.',
  'REPLY (ON|OFF|SKIP)', '    Control the replies sent to the current connection.',
  'SETINFO <option> <value>', '    Set client meta attr. Options are: lib-name, lib-ver.',
  'SETNAME <name>', '    Assign the name <name> to the current connection.',
  'UNBLOCK <clientid> [TIMEOUT|ERROR]', '    Unblock the specified blocked client.',
  'HELP', '    Print this help.',
];

export function clientCommand(server: Server): Command {
  const sub = (name: string, arity: number, since: string, run: Handler, flags = 'noscript loading stale'): Command =>
    command({ name: `client|${name}`, arity, flags, group: 'connection', since, run });
  const admin = 'admin noscript loading stale';
  return command({
    name: 'client', arity: -2, flags: '', group: 'connection', since: '2.4.0',
    subcommands: [
      sub('getname', 2, '2.6.9', (c) => {
        const { name } = connectionOf(server, c);
        if (name === '') c.reply.null();
        else c.reply.bulkString(name);
      }),
      sub('setname', 3, '2.6.9', (c) => {
        checkName(c.string(2), 'Client names');
        connectionOf(server, c).name = c.string(2);
        c.reply.ok();
      }),
      sub('id', 2, '5.0.0', (c) => c.reply.integer(c.session.id)),
      sub('getredir', 2, '6.0.0', (c) => c.reply.integer(-1)),
      sub('info', 2, '6.2.0', (c) => c.reply.verbatim('txt', `${describe(server, connectionOf(server, c))}\n`)),
      sub('list', -2, '2.4.0', (c) => list(server, c), admin),
      sub('kill', -3, '2.4.0', (c) => kill(server, c), admin),
      sub('reply', 3, '3.2.0', (c) => reply(server, c)),
      sub('setinfo', 4, '7.2.0', (c) => setInfo(server, c)),
      sub('unblock', -3, '5.0.0', (c) => unblock(server, c), admin),
      sub('no-evict', 3, '7.0.0', (c) => {
        connectionOf(server, c).noEvict = onOff(c);
        c.reply.ok();
      }, admin),
      sub('no-touch', 3, '7.2.0', (c) => {
        c.session.noTouch = onOff(c);
        c.reply.ok();
      }),
      sub('help', 2, '5.0.0', helpHandler(HELP), 'loading stale'),
    ],
  });
}

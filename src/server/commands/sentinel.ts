/**
 * The Sentinel protocol, spoken by every member: clients that look for their primary through Sentinels find it by asking
 * any member, and hear of a failover as +switch-master. The shard is the one master that is known, under the name of
 * sentinel-master-name; its Sentinels are its members.
 */
import type { Call } from '../../engine/call.ts';
import { type Command, type Handler, command } from '../../engine/command.ts';
import type { MemberInfo } from '../../replication/member-label.ts';
import type { ShardNode } from '../../replication/shard-node.ts';
import { CommandError, OperationalError } from '../../shared/errors.ts';
import type { Server } from '../server.ts';
import { helpHandler } from './help.ts';

const NO_SUCH_MASTER = new CommandError('ERR No such master with that name');
const NO_GOOD_REPLICA = new CommandError('NOGOODSLAVE No suitable replica to promote');
const NOT_CONFIGURABLE = new CommandError('ERR the members of the shard are its Sentinels: there is nothing to configure');

type Fields = Record<string, string | number>;

function reply(c: Call, fields: Fields): void {
  const entries = Object.entries(fields);
  c.reply.map(entries.length);
  for (const [name, value] of entries) {
    c.reply.bulkString(name);
    c.reply.bulkString(String(value));
  }
}

class View {
  readonly #server: Server;
  readonly node: ShardNode;

  constructor(server: Server, node: ShardNode) {
    this.#server = server;
    this.node = node;
  }

  get name(): string {
    return this.#server.config.string('sentinel-master-name');
  }

  /** @throws CommandError unless argument 2 names the shard */
  check(c: Call): void {
    if (c.string(2) !== this.name) throw NO_SUCH_MASTER;
  }

  get others(): MemberInfo[] {
    return this.node.membership.members.filter(({ id }) => id !== this.node.memberId);
  }

  get replicas(): MemberInfo[] {
    return this.node.membership.members.filter(({ id, role }) => id !== this.node.txlog.leader && role !== 'log-only');
  }

  #isUp(id: string): boolean {
    return id === this.node.memberId || (this.node.network?.peers().some((peer) => peer.id === id && peer.connected) ?? false);
  }

  #common({ id, client }: MemberInfo, name: string, flags: string): Fields {
    const down = this.#isUp(id) ? '' : ',s_down,disconnected';
    return {
      name, ip: client.host, port: client.port, runid: id, flags: flags + down, 'link-pending-commands': 0, 'link-refcount': 1,
      'last-ping-sent': 0, 'last-ok-ping-reply': 0, 'last-ping-reply': 0, 'down-after-milliseconds': this.#server.config.number('election-timeout-ms'),
    };
  }

  /** Null while nobody leads. */
  primary(): Fields | null {
    const { leader, members } = this.node.membership;
    if (leader === undefined) return null;
    return {
      ...this.#common(leader, this.name, 'master'), 'info-refresh': 0, 'role-reported': 'master', 'role-reported-time': 0,
      'config-epoch': this.node.txlog.term, 'num-slaves': this.replicas.length, 'num-other-sentinels': this.others.length,
      quorum: Math.floor(members.filter(({ role }) => role !== 'learner').length / 2) + 1, 'failover-timeout': 10_000, 'parallel-syncs': 1,
    };
  }

  replica(member: MemberInfo): Fields {
    const { leader } = this.node.membership;
    const { host, port } = member.client;
    return {
      ...this.#common(member, `${host}:${port}`, 'slave'), 'info-refresh': 0, 'role-reported': 'slave', 'role-reported-time': 0, 'master-link-down-time': 0,
      'master-link-status': leader === undefined ? 'err' : 'ok', 'master-host': leader?.client.host ?? '?', 'master-port': leader?.client.port ?? 0,
      'slave-priority': 100, 'slave-repl-offset': this.node.membership.progressOf(member.id)?.match ?? 0, 'replica-announced': 1,
    };
  }

  sentinel(member: MemberInfo): Fields {
    return {
      ...this.#common(member, member.id, 'sentinel'), 'last-hello-message': 0, 'voted-leader': '?', 'voted-leader-epoch': 0,
    };
  }
}

function replyAll(c: Call, all: readonly Fields[]): void {
  c.reply.array(all.length);
  for (const fields of all) reply(c, fields);
}

function failover(server: Server, view: View, c: Call): void {
  view.check(c);
  if (!view.node.txlog.isLeader) throw new CommandError('ERR ask the primary: FAILOVER is carried out by it');
  if (server.handover.state !== 'no-failover') throw new CommandError('INPROG Failover already in progress');
  if (server.handover.candidates.length === 0) throw NO_GOOD_REPLICA;
  server.handover.run({ timeoutMs: 10_000, force: false }).catch((error: unknown) => {
    if (!(error instanceof OperationalError)) throw error;
    server.log.warning(`SENTINEL FAILOVER came to nothing: ${error.message}`);
  });
  c.reply.ok();
}

function ckquorum(view: View, c: Call): void {
  view.check(c);
  const { members } = view.node.membership;
  const usable = members.length - view.others.filter(({ id }) => !(view.node.network?.peers().some((peer) => peer.id === id && peer.connected) ?? false)).length;
  if (view.primary() === null) throw new CommandError(`NOQUORUM ${usable} usable Sentinels. Not enough available Sentinels to reach the majority and authorize a failover`);
  c.reply.status(`OK ${usable} usable Sentinels. Quorum and failover authorization can be reached`);
}

const HELP = [
  'SENTINEL <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  'CKQUORUM <master-name>', '    Check if the current Sentinel configuration is able to reach the quorum', '    needed to failover a master.',
  'FAILOVER <master-name>', '    Manually failover a master node without asking for agreement from other', '    Sentinels',
  'GET-MASTER-ADDR-BY-NAME <master-name>', '    Return the ip and port number of the master with that name.',
  'IS-MASTER-DOWN-BY-ADDR <ip> <port> <current-epoch> <runid>', '    Check if the master specified by ip:port is down from current Sentinel\'s point', '    of view.',
  'MASTER <master-name>', '    Show the state and info of the specified master.',
  'MASTERS', '    Show a list of monitored masters and their state.',
  'MYID', '    Return the ID of the Sentinel instance.',
  'REPLICAS <master-name>', '    Show a list of replicas for this master and their state.',
  'SENTINELS <master-name>', '    Show a list of Sentinel instances for this master and their state.',
  'HELP', '    Prints this help.',
];

export function sentinelCommand(server: Server): Command {
  const sub = (name: string, arity: number, run: (view: View, c: Call) => void): Command => command({
    name: `sentinel|${name}`, arity, flags: 'admin loading stale', group: 'sentinel', since: '2.8.4',
    run: ((c) => {
      if (server.node === null) throw NO_SUCH_MASTER;
      run(new View(server, server.node), c);
    }) satisfies Handler,
  });
  const replicas = (view: View, c: Call): void => {
    view.check(c);
    replyAll(c, view.replicas.map((member) => view.replica(member)));
  };
  return command({
    name: 'sentinel', arity: -2, flags: '', group: 'sentinel', since: '2.8.4', categories: 'admin dangerous',
    subcommands: [
      sub('masters', 2, (view, c) => replyAll(c, [view.primary()].filter((fields) => fields !== null))),
      sub('master', 3, (view, c) => {
        view.check(c);
        const primary = view.primary();
        if (primary === null) throw NO_SUCH_MASTER;
        reply(c, primary);
      }),
      sub('replicas', 3, replicas),
      sub('slaves', 3, replicas),
      sub('sentinels', 3, (view, c) => {
        view.check(c);
        replyAll(c, view.others.map((member) => view.sentinel(member)));
      }),
      sub('get-master-addr-by-name', 3, (view, c) => {
        const { leader } = view.node.membership;
        if (c.string(2) !== view.name || leader === undefined) {
          c.reply.nullArray();
          return;
        }
        c.reply.array(2);
        c.reply.bulkString(leader.client.host);
        c.reply.bulkString(String(leader.client.port));
      }),
      sub('is-master-down-by-addr', 6, (view, c) => {
        c.reply.array(3);
        c.reply.integer(view.node.membership.leader === undefined ? 1 : 0);
        c.reply.bulkString('*');
        c.reply.integer(0);
      }),
      sub('ckquorum', 3, ckquorum),
      sub('failover', 3, (view, c) => failover(server, view, c)),
      sub('myid', 2, (view, c) => c.reply.bulkString(view.node.memberId)),
      sub('pending-scripts', 2, (_view, c) => c.reply.array(0)),
      ...['monitor', 'remove', 'set', 'reset', 'config', 'flushconfig'].map((name) => sub(name, -2, () => { throw NOT_CONFIGURABLE; })),
      command({ name: 'sentinel|help', arity: 2, flags: 'loading stale', group: 'sentinel', since: '2.8.4', run: helpHandler(HELP) }),
    ],
  });
}

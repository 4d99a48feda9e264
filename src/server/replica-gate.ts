/**
 * What becomes of a command at a node that does not serve as primary: it runs here, is forwarded to the primary, waits, or
 * is refused.
 *
 * A client that said READONLY takes what this replica has, and its reads run here. For all others this node is a way to the
 * primary (proxy-to-primary): they need not know who leads. Without that, a replica behaves as Redis's replicas do.
 */
import { type Command, Flag } from '../engine/command.ts';
import { READ_ONLY_REPLICA } from '../engine/error-texts.ts';
import { formatAddress } from '../replication/member-label.ts';
import type { Connection } from './connection.ts';
import type { Server } from './server.ts';
import { Upstream } from './upstream.ts';

/** What is to be done with a command. A string is an error. */
export type GateAnswer = 'run' | 'forward' | 'wait' | { readonly error: string };

const LOADING = { error: 'LOADING Redis is loading the dataset in memory' };
const READ_ONLY = { error: READ_ONLY_REPLICA.message };
/** Users are data, though these commands carry no flag that says so. */
const CHANGES_USERS = new Set(['acl|setuser', 'acl|deluser', 'acl|load']);
const DATA = Flag.write | Flag.readonly | Flag.mayReplicate;
/** How clients of Sentinels ask where to go. */
const ASKS_FOR_PRIMARY = new Set(['sentinel|get-master-addr-by-name', 'sentinel|master', 'sentinel|masters']);

export class ReplicaGate {
  readonly #server: Server;

  constructor(server: Server) {
    this.#server = server;
  }

  decide(connection: Connection, command: Command): GateAnswer {
    const { member } = this.#server;
    const { upstream } = connection;
    // The lease is lost, or leadership is being handed over: soon this member knows whether it is still the primary.
    if (member.role === 'primary') return 'wait';
    if (upstream?.pinned === true && !isOfConnection(command)) return 'forward';
    if (ASKS_FOR_PRIMARY.has(command.name) && this.#server.primaryIsSought) return 'wait';
    if (!concernsData(command)) return this.#behindReplies(connection, (command.flags & Flag.loading) !== 0 || !this.#server.loading ? 'run' : LOADING);
    const isRead = (command.flags & Flag.readonly) !== 0;
    if (connection.readOnly && isRead) return this.#behindReplies(connection, this.#readHere(connection));
    if (connection.redirects && !connection.readOnly) return this.#redirect(connection);
    if ((this.#server.node?.network ?? null) !== null && this.#server.config.bool('proxy-to-primary')) return this.#forward(connection);
    if (this.#server.loading) return LOADING;
    // A node alone that does not lead yet will in a moment.
    if (this.#server.node?.network === null) return 'wait';
    return isRead ? 'run' : READ_ONLY;
  }

  #readHere(connection: Connection): GateAnswer {
    if (this.#server.loading) return LOADING;
    return connection.reads.allows(this.#server, connection, connection.inputEnd) ? 'run' : 'wait';
  }

  /** What is answered here must not overtake what the primary is still to answer. */
  #behindReplies(connection: Connection, answer: GateAnswer): GateAnswer {
    return (connection.upstream?.outstanding ?? 0) > 0 ? 'wait' : answer;
  }

  #redirect(connection: Connection): GateAnswer {
    const { leader, self } = this.#server.node!.membership;
    if (leader === undefined || leader.id === self?.id) return 'wait';
    return this.#behindReplies(connection, { error: `REDIRECT ${formatAddress(leader.client)}` });
  }

  #forward(connection: Connection): GateAnswer {
    const { node } = this.#server;
    const leader = node?.txlog.leader ?? '';
    // Nobody leads, or this member is about to.
    if (node === null || leader === '' || leader === node.memberId) return 'wait';
    const { upstream } = connection;
    if (upstream !== null && !upstream.closed && upstream.target === leader) return upstream.ready ? 'forward' : 'wait';
    if (upstream !== null && !upstream.closed) {
      if (upstream.outstanding > 0) return 'wait';
      upstream.close();
    }
    connection.upstream = new Upstream(this.#server, connection, leader);
    return 'wait';
  }
}

/** Of commands that a client sends about its own connection: never the primary's, even within MULTI. */
function isOfConnection({ name }: Command): boolean {
  return name === 'hello' || name === 'auth' || name === 'quit' || name === 'reset';
}

function concernsData({ flags, group, name }: Command): boolean {
  // A message goes to the listeners of all members, wherever it was published.
  if ((flags & Flag.pubsub) !== 0) return false;
  return (flags & DATA) !== 0 || group === 'scripting' || group === 'transactions' || name === 'wait' || name === 'waitaof' || name === 'replicaof' || name === 'slaveof' || name === 'client|write-token' || CHANGES_USERS.has(name);
}

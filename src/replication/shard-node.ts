/**
 * One node's part in its shard: identity, log and network put together, snapshots sent and fetched, and membership.
 *
 * Opening it makes the node a member of a shard, founding or joining one if need be. What the engine does with the log is
 * member.ts's.
 */
import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type { Engine } from '../engine/engine.ts';
import { OperationalError } from '../shared/errors.ts';
import { type RecoveryWatcher, recover } from '../snapshot/recovery.ts';
import type { SnapshotPosition } from '../snapshot/snapshot-position.ts';
import { SnapshotError, type SnapshotInfo, type SnapshotStore } from '../snapshot/snapshot-store.ts';
import { LogError, type LogStore } from '../txlog/log-store.ts';
import { decodePeerMessage, peerMessageBytes, writePeerMessage } from '../txlog/peer-message-codec.ts';
import { firstConfig } from '../txlog/raft/configuration.ts';
import { RaftError } from '../txlog/raft/errors.ts';
import type { MemberRole, PeerMessage, SnapshotMeta } from '../txlog/raft/types.ts';
import { RaftTransactionLog } from '../txlog/raft-transaction-log.ts';
import { type LogClock, SYSTEM_CLOCK } from '../txlog/raft-transaction-log-options.ts';
import { Joining, JOIN_KINDS } from './joining.ts';
import type { Member } from './member.ts';
import { type MemberLabel, addressesOf, formatLabel } from './member-label.ts';
import { Membership, isJoinKind } from './membership.ts';
import type { IdentityStore, NodeIdentity } from './node-identity.ts';
import type { PeerAddress, PeerNetwork, PeerTransportOptions, StreamHeader } from './peers/peer-network.ts';
import { SNAPSHOT_STREAM, type SentSnapshot, fetchSnapshot, sendSnapshot } from './snapshot-transfer.ts';

/** What a network tells its user; `memberId` and the kinds open to new nodes are for its handshake. */
export type PeerHandlers = Pick<
  PeerTransportOptions, 'memberId' | 'clusterId' | 'formatVersion' | 'joinKinds' | 'onFrame' | 'onUp' | 'onDown' | 'onAsk' | 'onStream'
>;

export interface PeeringOptions {
  /** Opens the network. */
  readonly connect: (handlers: PeerHandlers) => Promise<PeerNetwork>;
  /** Peer addresses of the nodes to found a shard with, or of members of one to join. */
  readonly seeds: readonly PeerAddress[];
  readonly mayFound: boolean;
}

export interface ShardNodeOptions {
  readonly identity: IdentityStore;
  /** Null: a shard of this node alone, for ever. */
  readonly peering: PeeringOptions | null;
  readonly label: MemberLabel;
  readonly role: MemberRole;
  readonly tickMs: number;
  readonly maxBatchesInFlight: number;
  readonly store: LogStore;
  readonly snapshots: SnapshotStore;
  readonly notice: (message: string) => void;
  readonly warn: (message: string) => void;
  /** A frame of a group that is not this shard's. `frame` is valid during the call only. */
  readonly onMessage: (group: string, frame: Uint8Array) => void;
  /** A stream of a kind that this file does not know was opened by another member. */
  readonly onStream: (kind: string, from: string, header: StreamHeader, stream: Duplex) => void;
  /** A question of a kind that this file does not know. @throws OperationalError for those that nobody knows */
  readonly onAsk: (from: string, kind: string, body: Uint8Array) => Promise<Uint8Array>;
  /** The shard has let this node go. */
  readonly onRemoved: () => void;
  /** Time and chance; the process's if they are not given. */
  readonly clock?: LogClock;
  readonly random?: () => number;
}

/** Newest format of log records that this program reads; see log-payload.ts. */
const FORMAT_VERSION = 1;
const MAINTENANCE_MS = 1000;
const FETCH_RETRY_MS = 1000;

export class ShardNode {
  readonly txlog: RaftTransactionLog;
  readonly membership: Membership;
  /** Null on a node alone. */
  readonly network: PeerNetwork | null;
  readonly memberId: string;
  readonly #options: ShardNodeOptions;
  readonly #clock: LogClock;
  readonly #endMaintenance: () => void;

  /** Resolves when the node belongs to a shard and its log is open. @throws OperationalError */
  static async open(options: ShardNodeOptions): Promise<ShardNode> {
    const { identity, peering, label, role, notice } = options;
    const switchboard = new Switchboard();
    const network = peering === null ? null : await peering.connect(switchboard.handlers(identity.identity));
    try {
      if (identity.identity.shardId === '') {
        if (network === null) {
          const { memberId } = identity.identity;
          await identity.joined(randomBytes(20).toString('hex'), firstConfig([{ id: memberId, role: 'voter', label: formatLabel(label) }]));
        } else {
          const { seeds, mayFound } = peering!;
          const joining = new Joining({ identity, network, label, role, seeds, mayFound, notice });
          switchboard.onAsk = (_from, _group, kind, body) => joining.answer(kind, body);
          await joining.run();
          network.setClusterId(identity.identity.shardId);
        }
      }
      const txlog = await openLog(network, options);
      if (txlog.recovery.impaired) options.warn('This member lost a part of its log: it takes no part in any majority until the others have healed it');
      return new ShardNode(options, identity, txlog, network, switchboard);
    } catch (error) {
      await network?.close();
      throw error;
    }
  }

  private constructor(options: ShardNodeOptions, identity: IdentityStore, txlog: RaftTransactionLog, network: PeerNetwork | null, switchboard: Switchboard) {
    this.#options = options;
    const { memberId, reachedRole } = identity.identity;
    this.memberId = memberId;
    this.txlog = txlog;
    this.network = network;
    const { label, role, peering, notice, onRemoved } = options;
    this.membership = new Membership({
      memberId, label, role, reachedRole, txlog, notice, onRemoved,
      onRoleReached: () => {
        identity.roleReached(role).catch((error: unknown) => options.warn(`That this member is ${role} now could not be noted: ${(error as Error).message}`));
      },
      seeds: peering?.seeds ?? [],
      network,
    });
    if (network !== null) this.#connect(network, switchboard);
    this.#clock = options.clock ?? SYSTEM_CLOCK;
    this.#endMaintenance = this.#clock.every(MAINTENANCE_MS, () => this.membership.tick());
  }

  #connect(network: PeerNetwork, switchboard: Switchboard): void {
    const { txlog, memberId } = this;
    const { snapshots, warn, onStream, onAsk, onMessage } = this.#options;
    switchboard.onFrame = (from, group, frame, mayKeep) => {
      if (group !== txlog.shardId) return onMessage(group, frame);
      let message: PeerMessage;
      try {
        message = decodePeerMessage(frame, from, memberId, mayKeep);
        txlog.receive(message);
      } catch (error) {
        if (!(error instanceof RaftError)) throw error;
        throw new OperationalError('PEER_BAD_MESSAGE', `member ${from} sent what cannot be: ${error.message}`, error);
      }
    };
    switchboard.onDown = (peer) => txlog.unreachable(peer);
    switchboard.onAsk = (from, group, kind, body, joined) => {
      if (isJoinKind(group, kind)) return this.membership.answer(kind, body);
      if (!joined) return Promise.reject(new OperationalError('NOT_A_MEMBER', 'only members may ask that'));
      return onAsk(from, kind, body);
    };
    switchboard.onStream = (kind, from, header, stream) => {
      if (kind === SNAPSHOT_STREAM) void sendSnapshot(snapshots, (index) => this.#positionAt(index), header, stream);
      else onStream(kind, from, header, stream);
    };
    const connectPeers = (): void => network.setPeers(addressesOf(txlog.config, memberId));
    txlog.onConfig = connectPeers;
    connectPeers();
    txlog.onSnapshotWanted = (snapshot) => {
      warn(`The log that this member needs is trimmed: a snapshot of record ${snapshot.index} or later is fetched`);
      this.onSnapshotWanted(snapshot);
    };
  }

  /** This member needs a snapshot to go on: see `fetchSnapshotFrom`. */
  onSnapshotWanted: (snapshot: SnapshotMeta) => void = () => undefined;

  async #positionAt(index: number): Promise<SnapshotPosition> {
    const { term, config, configIndex } = this.txlog.snapshotMetaAt(index);
    return { shardId: this.txlog.shardId, index, term, checksum: await this.txlog.checksumAt(index), members: { index: configIndex, config } };
  }

  /** Gets the leader's newest snapshot of at least `minIndex` into the store. @throws OperationalError */
  fetchSnapshotFrom(member: string, minIndex: number): Promise<SentSnapshot> {
    if (this.network === null) throw new OperationalError('NO_LEADER', 'there is nobody else to get a snapshot from');
    return fetchSnapshot(this.network, member, minIndex, this.#options.snapshots);
  }

  /** The log begins anew behind a snapshot that is in the store. */
  install({ index, term, checksum, members }: SnapshotPosition): void {
    this.txlog.snapshotInstalled({ index, term, config: members.config, configIndex: members.index }, checksum);
  }

  /**
   * The leader no longer has the log that `member` lacks: its newest snapshot, of record `minIndex` or later, takes the place
   * of the data. A snapshot that cannot be had is asked for again when the leader says once more that it is needed.
   * @param load fills the engine from what is here then
   * @param received told of what is in the store
   */
  async replaceBySnapshot(member: Member, minIndex: number, load: () => Promise<number>, received: (info: SnapshotInfo) => void): Promise<void> {
    const { notice, warn } = this.#options;
    try {
      const { info, position } = await this.fetchSnapshotFrom(this.txlog.leader, minIndex);
      notice(`Snapshot of log record ${position.index} fetched: ${info.bytes} bytes`);
      received(info);
      if (member.role === 'log-only') this.install(position);
      else await member.replaceState(load);
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      warn(`The snapshot could not be had, and is asked for again: ${error.message}`);
      this.txlog.snapshotLost(minIndex);
    }
  }

  /**
   * Fills the empty engine: from the newest snapshot here and the log behind it, and if that cannot be, with a snapshot of
   * another member (promise P6). See MemberOptions.load.
   * @throws OperationalError when this node is alone and what it has does not make a whole
   */
  async load(engine: Engine, through: number, watcher: RecoveryWatcher): Promise<{ index: number; snapshot: string | null; snapshotKeys: number; records: number }> {
    const { snapshots, warn } = this.#options;
    const { txlog, network } = this;
    for (;;) {
      try {
        const loaded = await recover(engine, snapshots, txlog, through, network !== null, watcher);
        if (loaded.beginLogBehind !== null) this.install(loaded.beginLogBehind);
        return loaded;
      } catch (error) {
        if (!(error instanceof SnapshotError) || error.code !== 'SNAPSHOT_DAMAGED' || network === null) throw error;
        warn(`Snapshot and log do not make a whole, another member's snapshot is fetched: ${error.message}`);
        engine.clear();
      }
      await this.#fetchFromAnybody();
    }
  }

  async #fetchFromAnybody(): Promise<void> {
    for (;;) {
      for (const peer of this.network!.peers()) {
        if (!peer.connected) continue;
        try {
          await this.fetchSnapshotFrom(peer.id, this.txlog.firstIndex - 1);
          return;
        } catch (error) {
          if (!(error instanceof OperationalError)) throw error;
          this.#options.notice(`Member ${peer.id} gave no snapshot: ${error.message}`);
        }
      }
      await this.#delay(FETCH_RETRY_MS);
    }
  }

  #delay(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const end = this.#clock.every(ms, () => {
        end();
        resolve();
      });
    });
  }

  async close(): Promise<void> {
    this.#endMaintenance();
    await this.network?.close();
  }
}

/** Where the network's calls go: to those who join, then to the member. */
class Switchboard {
  onFrame: (from: string, group: string, frame: Uint8Array, mayKeep: boolean) => void = () => undefined;
  onDown: (peer: string) => void = () => undefined;
  onAsk: (from: string, group: string, kind: string, body: Uint8Array, joined: boolean) => Promise<Uint8Array> = () => (
    Promise.reject(new OperationalError('NOT_READY', 'this node is starting'))
  );
  onStream: (kind: string, from: string, header: StreamHeader, stream: Duplex) => void = (_kind, _from, _header, stream) => {
    stream.destroy(new OperationalError('NOT_READY', 'this node is starting'));
  };

  handlers({ memberId, shardId }: NodeIdentity): PeerHandlers {
    return {
      memberId,
      clusterId: shardId,
      formatVersion: FORMAT_VERSION,
      joinKinds: JOIN_KINDS,
      onFrame: (from, group, frame, mayKeep) => this.onFrame(from, group, frame, mayKeep),
      onUp: () => undefined,
      onDown: (peer) => this.onDown(peer),
      onAsk: (from, group, kind, body, joined) => this.onAsk(from, group, kind, body, joined),
      onStream: (kind, from, header, stream) => this.onStream(kind, from, header, stream),
    };
  }
}

async function openLog(network: PeerNetwork | null, options: ShardNodeOptions): Promise<RaftTransactionLog> {
  const { identity, clock, random } = options;
  const { memberId, shardId, firstConfig: config } = identity.identity;
  const txlog = await RaftTransactionLog.open({
    id: memberId, shardId, firstConfig: config!, store: options.store,
    maxBatchesInFlight: options.maxBatchesInFlight, appliedIndex: 0, tickMs: options.tickMs, electable: false, caretaker: options.role === 'log-only',
    // Alone, nobody could give back what is lost: better not to start than to serve a part.
    onDamage: network === null ? 'refuse' : 'salvage',
    send: (message) => {
      const slot = network === null ? null : network.reserve(message.to, shardId, peerMessageBytes(message));
      if (slot !== null) writePeerMessage(message, slot.buffer, slot.at);
    },
    flushSends: () => network?.flush(),
    ...(clock === undefined ? {} : { clock }),
    ...(random === undefined ? {} : { random }),
  }).catch((error: unknown) => { throw withAdvice(error, network !== null); });
  try {
    await identity.logOpened(txlog.recovery.created);
  } catch (error) {
    await txlog.close();
    throw error;
  }
  return txlog;
}

/** Damage that was not salvaged, with what operators can do about it. */
function withAdvice(error: unknown, hasOthers: boolean): unknown {
  if (!(error instanceof LogError) || error.code !== 'LOG_DAMAGED') return error;
  // A vote may be lost with what is damaged: who comes back without it must be somebody else.
  const advice = hasOthers
    ? 'Move the data directory away and start with an empty one: the node joins by itself as a new member and gets everything from the others'
    : 'There is no other member from which it could be mended';
  return new LogError('LOG_DAMAGED', `${error.message}. ${advice} (docs/operations.md, A damaged log)`, error.index, error);
}

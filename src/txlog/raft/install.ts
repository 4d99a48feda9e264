/**
 * Snapshot hand-over (Raft §7), without bytes: the leader says which snapshot is needed at least, the follower's host gets
 * it wherever it is kept and reports back. Must never move data.
 */
import { invariant } from '../../shared/errors.ts';
import type { RaftCore } from './core.ts';
import type { Progress } from './progress.ts';
import type { InstallSnapshot, SnapshotFailed, SnapshotMeta } from './types.ts';

/** Leader: `peer` needs entries that are gone. */
export function sendSnapshot(core: RaftCore, peer: Progress): void {
  peer.becomeSnapshot(core.tickCount);
  const index = core.log.compactedIndex;
  const { config, index: configIndex } = core.configs.at(index);
  const snapshot: SnapshotMeta = { index, term: core.log.termAt(index), config, configIndex };
  core.send({ type: 'snapshot', from: core.id, to: peer.id, term: core.term, snapshot });
}

/** Leader: says it again to those that have been silent about theirs for an election timeout; it or they may have been lost. */
export function tickSnapshots(core: RaftCore): void {
  for (const peer of core.peers) {
    if (peer.state === 'snapshot' && core.tickCount - peer.snapshotTick >= core.limits.electionTicks) sendSnapshot(core, peer);
  }
}

/** Leader: `from` could not get it. It is told again after an election timeout. */
export function onSnapshotFailed(core: RaftCore, message: SnapshotFailed): void {
  const peer = core.peer(message.from);
  if (peer !== undefined && peer.state === 'snapshot') peer.snapshotTick = core.tickCount;
}

/** Follower: the leader of this term no longer has what this member lacks. */
export function onSnapshot(core: RaftCore, message: InstallSnapshot): void {
  const { snapshot } = message;
  if (snapshot.index > core.log.commitIndex && core.log.matches(snapshot.index, snapshot.term)) {
    // Raft §7: entries after a snapshot that is a prefix of the log are kept; and what a snapshot covers is committed.
    core.log.commitTo(snapshot.index);
  }
  if (snapshot.index <= core.log.commitIndex) {
    acknowledge(core, message.from, core.log.commitIndex);
    return;
  }
  if (core.snapshotPending >= snapshot.index) return;
  core.snapshotPending = snapshot.index;
  core.snapshotWanted = snapshot;
}

/** The host holds the state of `snapshot`, durably, and has loaded it. */
export function onSnapshotRestored(core: RaftCore, snapshot: SnapshotMeta): void {
  core.snapshotPending = 0;
  core.snapshotWanted = null;
  const { log } = core;
  if (snapshot.index > log.commitIndex) {
    if (log.matches(snapshot.index, snapshot.term)) {
      log.commitTo(snapshot.index);
    } else {
      // A leader has everything that is committed (Raft §5.4.3), and snapshots hold nothing else.
      invariant(core.role !== 'leader', 'a snapshot contradicts the log of the leader');
      // The configuration that an election under way counts by is about to change.
      if (core.role !== 'follower') core.becomeFollower(core.term, '');
      log.reset(snapshot);
      core.configs.reset({ index: snapshot.configIndex, config: snapshot.config });
      core.resetTo = snapshot;
    }
  }
  log.appliedFromSnapshot(snapshot.index);
  if (core.role === 'follower' && core.leader !== '') acknowledge(core, core.leader, log.commitIndex);
}

export function onSnapshotLost(core: RaftCore, index: number): void {
  core.snapshotPending = 0;
  core.snapshotWanted = null;
  if (core.role !== 'follower' || core.leader === '') return;
  core.send({ type: 'snapshot-failed', from: core.id, to: core.leader, term: core.term, index });
}

/** "My log equals yours through `index`", which is committed. */
function acknowledge(core: RaftCore, to: string, index: number): void {
  const { id, term, impaired } = core;
  core.sendAfterSync({ type: 'append-reply', from: id, to, term, index, rejected: false, hintIndex: 0, hintTerm: 0, impaired });
}

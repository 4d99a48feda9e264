/**
 * Keeping leadership and proving it: rounds of heartbeats, check-quorum, the lease, linearizable reads and handing over.
 * Must never touch the log's contents.
 */
import { invariant } from '../../shared/errors.ts';
import { mayLead } from './configuration.ts';
import type { PendingRead, RaftCore } from './core.ts';
import { RaftError } from './errors.ts';
import { quorumValue } from './quorum.ts';
import type { Heartbeat, HeartbeatReply, ReadIndex, ReadIndexReply } from './types.ts';

/** Leader: one tick. May end its leadership. */
export function tickLeader(core: RaftCore): void {
  // Check-quorum (thesis §6.2): "a leader steps down if an election timeout elapses without a successful round of
  // heartbeats to a majority of its cluster".
  const answered = quorumValue(core.config, (id) => Math.max(core.ackedTickOf(id), core.graceTick));
  // Answers that came while this process stood still have not been read yet.
  const paused = Math.max(0, core.pausedThrough - Math.max(core.pausedFrom, answered));
  if (core.tickCount - answered - paused >= core.limits.electionTicks) {
    core.becomeFollower(core.term, '');
    return;
  }
  // Thesis §3.10: "If leadership transfer does not complete after about an election timeout, the prior leader aborts".
  if (core.transferee !== '' && core.tickCount - core.transferTick >= core.limits.electionTicks) {
    core.transferee = '';
    core.transferSent = false;
  }
  handOver(core);
  core.heartbeatElapsed++;
  if (core.heartbeatElapsed >= core.limits.heartbeatTicks) beginRound(core);
}

/** Leader: sends everybody a heartbeat of a new round. */
export function beginRound(core: RaftCore): void {
  core.heartbeatElapsed = 0;
  core.roundWanted = false;
  core.round++;
  for (const peer of core.peers) {
    core.send({
      type: 'heartbeat',
      from: core.id,
      to: peer.id,
      term: core.term,
      // A heartbeat tells nothing about the log: only of what the receiver surely has may it learn that it is committed.
      commit: peer.impaired ? 0 : Math.min(peer.match, core.log.commitIndex),
      round: core.round,
      sentTick: core.tickCount,
    });
  }
}

/** Follower: a heartbeat of the leader of this term. */
export function onHeartbeat(core: RaftCore, message: Heartbeat): void {
  core.heardRound = Math.max(core.heardRound, message.round);
  if (!core.impaired) core.log.commitTo(Math.min(message.commit, core.log.lastIndex));
  const { id, term, impaired } = core;
  const { round, sentTick } = message;
  const reply: HeartbeatReply = { type: 'heartbeat-reply', from: id, to: message.from, term, round, sentTick, impaired };
  // The answer is a promise made in this term, so the term must be durable; but a slow disk must not delay it otherwise.
  if (core.log.durableTerm >= term) core.send(reply);
  else core.sendAfterSync(reply);
}

/** Leader: an answer to a heartbeat of this term. */
export function onHeartbeatReply(core: RaftCore, message: HeartbeatReply): void {
  const peer = core.peer(message.from);
  if (peer === undefined) return;
  if (message.impaired && !peer.impaired) {
    // What it acknowledged it may have lost: find out anew where the logs match.
    peer.match = 0;
    peer.becomeProbe(core.log.lastIndex + 1);
  }
  // Its answer to the next append makes the leader count what it holds.
  if (peer.impaired && !message.impaired) peer.nudge = true;
  peer.impaired = message.impaired;
  if (message.round > peer.ackedRound) {
    peer.ackedRound = message.round;
    peer.ackedTick = message.sentTick;
  }
  const block = core.leaseBlocks.get(peer.id);
  if (block !== undefined && core.transferee !== peer.id && message.round > block) core.leaseBlocks.delete(peer.id);
  // Whatever was sent before this heartbeat has arrived or is lost.
  peer.probeSent = false;
  if (peer.match < core.log.lastIndex || peer.impaired) peer.nudge = true;
  if (core.transferee === peer.id) trySendTimeoutNow(core, true);
  confirmReads(core);
}

/**
 * The tick count before which nobody else can have become leader, 0 if there is no such promise (thesis §6.4.1). See
 * `leaseTicks` for the bound on clock drift.
 */
export function leaseUntilTick(core: RaftCore): number {
  // One that hands over takes no proposals, so it must not execute what would lead to them.
  if (core.role !== 'leader' || core.transferee !== '' || core.leaseBlocks.size > 0) return 0;
  const acked = quorumValue(core.config, core.ackedTickOf);
  if (acked < 0) return 0;
  const until = acked + core.leaseTicks + 1;
  return until > core.tickCount ? until : 0;
}

/** Asks for an index at which a read is linearizable (thesis §6.4). The answer comes with a later Ready. */
export function readIndex(core: RaftCore, context: number): void {
  if (core.role === 'leader') {
    if (core.isCaretaker) throw new RaftError('RAFT_TRANSFERRING', 'this leader only hands over');
    if (core.reads.length >= core.limits.pendingReadsMax) throw new RaftError('RAFT_READ_LIMIT', 'too many reads wait');
    addRead(core, core.id, context);
    return;
  }
  if (core.leader === '') throw new RaftError('RAFT_NOT_LEADER', 'no leader is known');
  core.send({ type: 'read-index', from: core.id, to: core.leader, term: core.term, context });
}

/** A follower's question. A member that does not lead, or has too many, leaves it unanswered: the asker asks again. */
export function onReadIndex(core: RaftCore, message: ReadIndex): void {
  if (core.role !== 'leader' || core.reads.length >= core.limits.pendingReadsMax) return;
  addRead(core, message.from, message.context);
}

function addRead(core: RaftCore, from: string, context: number): void {
  const read: PendingRead = { from, context, index: -1, round: -1 };
  core.reads.push(read);
  if (core.committedInTerm) stampRead(core, read);
  confirmReads(core);
}

function stampRead(core: RaftCore, read: PendingRead): void {
  read.index = core.log.commitIndex;
  // A round that begins after the question: those under way prove nothing about this moment.
  read.round = core.round + 1;
  core.roundWanted = true;
}

/** Leader: it has just committed the first entry of its term, so its commit index can be trusted (Raft §8). */
export function releaseEarlyReads(core: RaftCore): void {
  for (const read of core.reads) if (read.index < 0) stampRead(core, read);
  confirmReads(core);
}

/** Answers the reads whose round a majority has answered. They were stamped in order, so those are the first ones. */
export function confirmReads(core: RaftCore): void {
  if (core.reads.length === 0) return;
  const confirmed = quorumValue(core.config, core.roundOf);
  let done = 0;
  while (done < core.reads.length) {
    const read = core.reads[done]!;
    if (read.index < 0 || read.round > confirmed) break;
    core.answerRead(read, read.index);
    done++;
  }
  if (done > 0) core.reads.splice(0, done);
  if (core.reads.length === 0) core.roundWanted = false;
}

/** Follower: the leader's answer. */
export function onReadIndexReply(core: RaftCore, message: ReadIndexReply): void {
  if (message.context >= 0) {
    core.readAnswers.push({ context: message.context, index: message.index });
  } else if (core.impaired && message.index >= 0 && -message.context === core.healQuestion) {
    core.healIndex = message.index;
  }
}

/**
 * Impaired follower: asks a leader how far the log surely goes, and is whole again once its disk has all that.
 *
 * Why that suffices: an entry that this member once acknowledged and that was committed thereby is held by others of that
 * majority, and the leader was confirmed by a majority of which this member was no part, after the loss. So that leader is
 * of the entry's term or a later one and has it (Raft §5.4.3), as committed.
 */
export function tickImpaired(core: RaftCore): void {
  if (core.leader === '' || core.healIndex >= 0 || core.tickCount % core.limits.electionTicks !== 0) return;
  core.healQuestion++;
  core.send({ type: 'read-index', from: core.id, to: core.leader, term: core.term, context: -core.healQuestion });
}

export function tryHeal(core: RaftCore): void {
  if (!core.impaired || core.healIndex < 0) return;
  if (Math.min(core.log.syncedIndex, core.log.commitIndex) < core.healIndex) return;
  core.impaired = false;
  core.healed = true;
}

/** Leader: begins to hand leadership to `to` (thesis §3.10). Throws RaftError when that cannot be. */
export function transferLeadership(core: RaftCore, to: string): void {
  if (core.role !== 'leader') throw new RaftError('RAFT_NOT_LEADER', 'only the leader can hand over');
  if (to === core.id) throw new RaftError('RAFT_BAD_TRANSFER', 'leadership is here already');
  const peer = core.peer(to);
  if (!mayLead(core.config, to) || peer === undefined || peer.impaired) throw new RaftError('RAFT_BAD_TRANSFER', `${to} may not lead`);
  if (core.transferee === to) return;
  core.transferee = to;
  core.transferTick = core.tickCount;
  core.transferSent = false;
  trySendTimeoutNow(core, false);
}

/** Caretaker that leads: goes on handing over to the engine voter that is furthest. */
export function handOver(core: RaftCore): void {
  if (core.role !== 'leader' || !core.isCaretaker || core.transferee !== '') return;
  let best = '';
  let bestMatch = 0;
  for (const peer of core.peers) {
    if (peer.impaired || peer.state !== 'replicate' || peer.match <= bestMatch || !mayLead(core.config, peer.id)) continue;
    best = peer.id;
    bestMatch = peer.match;
  }
  if (best !== '') transferLeadership(core, best);
}

/** Tells the transferee to go once it has the whole log (thesis §3.10). Told again only with `again`. */
export function trySendTimeoutNow(core: RaftCore, again: boolean): void {
  if (core.transferee === '' || (core.transferSent && !again)) return;
  const peer = core.peer(core.transferee);
  invariant(peer !== undefined, 'the transferee is a member');
  if (peer.impaired || peer.match < core.log.lastIndex) return;
  core.transferSent = true;
  sendTimeoutNow(core, peer.id);
}

export function sendTimeoutNow(core: RaftCore, to: string): void {
  core.leaseBlocks.set(to, core.round);
  core.send({ type: 'timeout-now', from: core.id, to, term: core.term, round: core.round });
}

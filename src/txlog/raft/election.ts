/** Who leads: pre-vote, votes, becoming leader (Raft §5.2, §5.4.1, thesis §9.6). Must never move entries. */
import { memberIds } from './configuration.ts';
import type { RaftCore } from './core.ts';
import { beginRound } from './leadership.ts';
import { voteResult } from './quorum.ts';
import type { PreVote, PreVoteReply, TimeoutNow, Vote, VoteReply } from './types.ts';

/** Not leader: one tick. Raft §5.2: a follower that hears nothing "over a period of time called the election timeout" campaigns. */
export function tickElection(core: RaftCore): void {
  core.electionElapsed++;
  if (core.electionElapsed < core.electionTimeout) return;
  if (campaign(core)) return;
  // One that may not lead waits for others to; but it no longer knows of a leader.
  core.electionElapsed = 0;
  core.leader = '';
}

/**
 * Starts an election, if this member may lead and has promised nothing to another leader. Whether it did.
 *
 * First a pre-vote: a member that cannot win, since it was cut off and is behind, or since the others hear their leader,
 * does not raise the term and so disturbs nobody (thesis §9.6).
 */
export function campaign(core: RaftCore): boolean {
  if (!core.promotable || core.promised) return false;
  core.becomePreCandidate();
  if (decide(core)) return true;
  for (const id of memberIds(core.config)) {
    if (id === core.id || core.config.learners.includes(id)) continue;
    const { lastIndex, lastTerm } = core.log;
    core.send({ type: 'pre-vote', from: core.id, to: id, term: core.term + 1, lastIndex, lastTerm });
  }
  return true;
}

/** The real election. `transfer`: the leader asked for it. */
function startElection(core: RaftCore, transfer: boolean): void {
  core.becomeCandidate();
  for (const id of memberIds(core.config)) {
    if (id === core.id || core.config.learners.includes(id)) continue;
    const { lastIndex, lastTerm } = core.log;
    // Not before term and own vote are durable: who crashed and forgot them could vote twice (Raft §5.2, figure 2).
    core.sendAfterSync({ type: 'vote', from: core.id, to: id, term: core.term, lastIndex, lastTerm, transfer });
  }
}

/** Goes on if the answers decide it; whether they do. */
function decide(core: RaftCore): boolean {
  const result = voteResult(core.config, core.votes);
  if (result === 'pending') return false;
  if (result === 'lost') {
    core.becomeFollower(core.term, '');
  } else if (core.role === 'pre-candidate') {
    startElection(core, false);
  } else {
    core.becomeLeader();
    // "sends heartbeat messages to all of the other servers to establish its authority" (Raft §5.2), and to get its lease.
    beginRound(core);
  }
  return true;
}

/** Candidate: its own vote counts once it is durable, like everybody else's. */
export function onOwnVoteDurable(core: RaftCore): void {
  if (core.role !== 'candidate' || core.log.durableTerm < core.term || core.votes.has(core.id)) return;
  core.votes.set(core.id, true);
  decide(core);
}

/** "Would you vote for me?" Answered without any change here: neither term nor vote nor timer. */
export function onPreVote(core: RaftCore, message: PreVote): void {
  // The silence of a member that hears its leader is enough of an answer, and keeps terms from spreading.
  if (core.promised) return;
  const free = message.term > core.term || (message.term === core.term && core.vote === '' && core.leader === '');
  const granted = free && !core.impaired && core.log.isUpToDate(message.lastIndex, message.lastTerm);
  core.send({ type: 'pre-vote-reply', from: core.id, to: message.from, term: granted ? message.term : core.term, granted });
}

export function onPreVoteReply(core: RaftCore, message: PreVoteReply): void {
  if (core.role !== 'pre-candidate') return;
  // A grant is for a certain term; one for an election long over must not count in this one.
  if (message.granted && message.term !== core.term + 1) return;
  if (!core.votes.has(message.from)) core.votes.set(message.from, message.granted);
  decide(core);
}

/** RequestVote in this term (Raft figure 2, receiver implementation). A higher term has been taken on already. */
export function onVote(core: RaftCore, message: Vote): void {
  const free = core.vote === message.from || (core.vote === '' && core.leader === '');
  // The promise to a leader outlives its term: see RaftCore.heardTick.
  const allowed = free && !core.impaired && (message.transfer || !core.promised);
  const granted = allowed && core.log.isUpToDate(message.lastIndex, message.lastTerm);
  if (granted) {
    core.vote = message.from;
    core.electionElapsed = 0;
  }
  core.sendAfterSync({ type: 'vote-reply', from: core.id, to: message.from, term: core.term, granted });
}

export function onVoteReply(core: RaftCore, message: VoteReply): void {
  if (core.role !== 'candidate') return;
  if (!core.votes.has(message.from)) core.votes.set(message.from, message.granted);
  decide(core);
}

/** The leader of this term hands over (thesis §3.10). Log-only voters, learners and the impaired ignore it. */
export function onTimeoutNow(core: RaftCore, message: TimeoutNow): void {
  if (core.role !== 'follower' || core.leader !== message.from || !core.promotable || core.isCaretaker) return;
  // A later round of heartbeats was heard (or none, so that one cannot tell): the leader may have given the transfer up and rely on its lease again.
  if (core.heardRound === 0 || message.round < core.heardRound) return;
  startElection(core, true);
}

/**
 * The way of entries: from the leader's log to its followers' (Raft §5.3), and the commit index (Raft §5.3, §5.4.2).
 * Must never start elections.
 */
import { invariant } from '../../shared/errors.ts';
import { decodeConfig } from './configuration.ts';
import { type RaftCore, totalBytes } from './core.ts';
import { RaftError } from './errors.ts';
import { sendSnapshot } from './install.ts';
import { handOver, releaseEarlyReads, trySendTimeoutNow } from './leadership.ts';
import { ENTRY_OVERHEAD_BYTES } from './limits.ts';
import { afterCommit } from './membership.ts';
import type { Progress } from './progress.ts';
import { quorumValue } from './quorum.ts';
import type { Append, AppendReply, Entry, Fetched } from './types.ts';

/** Leader: takes `data` as the next entry. Returns its index. Throws RaftError. */
export function propose(core: RaftCore, data: Uint8Array): number {
  if (core.role !== 'leader') throw new RaftError('RAFT_NOT_LEADER', 'only the leader takes proposals');
  if (core.transferee !== '' || core.isCaretaker) throw new RaftError('RAFT_TRANSFERRING', 'leadership is being handed over');
  const bytes = data.length + ENTRY_OVERHEAD_BYTES;
  if (data.length > core.limits.entryBytesMax) throw new RaftError('RAFT_ENTRY_TOO_LARGE', `an entry of ${data.length} bytes`);
  if (!core.hasProposalRoom(bytes)) throw new RaftError('RAFT_UNCOMMITTED_LIMIT', `${core.log.uncommittedBytes} bytes are uncommitted`);
  return core.append('normal', data);
}

/** Leader: sends every follower what it may be sent now. Called once a Ready, so that a turn's proposals share messages. */
export function sendAppends(core: RaftCore): void {
  for (const peer of core.peers) {
    if (peer.state === 'snapshot') continue;
    if (peer.next - 1 < core.log.compactedIndex) sendSnapshot(core, peer);
    else if (peer.state === 'probe') sendProbe(core, peer);
    else sendPipelined(core, peer);
  }
}

function sendProbe(core: RaftCore, peer: Progress): void {
  if (peer.probeSent) return;
  peer.probeSent = true;
  const inMemory = peer.next >= core.log.memoryFirst && peer.next <= core.log.lastIndex;
  sendAppend(core, peer, inMemory ? core.log.slice(peer.next, core.limits.messageBytesMax) : []);
}

function sendPipelined(core: RaftCore, peer: Progress): void {
  const { log, limits } = core;
  let sent = false;
  while (peer.next <= log.lastIndex && peer.fetchFrom === 0 && peer.hasRoom(limits)) {
    if (peer.next < log.memoryFirst) {
      peer.fetchFrom = peer.next;
      const through = Math.min(log.memoryFirst - 1, log.lastIndex);
      core.fetches.push({ to: peer.id, term: core.term, from: peer.next, through, bytesMax: limits.messageBytesMax });
      break;
    }
    sendEntries(core, peer, log.slice(peer.next, limits.messageBytesMax));
    sent = true;
  }
  if (sent || !(peer.nudge || peer.sentCommit < Math.min(log.commitIndex, peer.next - 1))) {
    if (sent) peer.nudge = false;
    return;
  }
  peer.nudge = false;
  sendAppend(core, peer, []);
}

/** Pipelining (thesis §10.2.1): takes it that the entries will arrive. */
function sendEntries(core: RaftCore, peer: Progress, entries: readonly Entry[]): void {
  sendAppend(core, peer, entries);
  peer.next += entries.length;
  peer.inflight.add(peer.next - 1, totalBytes(entries));
}

function sendAppend(core: RaftCore, peer: Progress, entries: readonly Entry[]): void {
  const prevIndex = peer.next - 1;
  const commit = core.log.commitIndex;
  peer.sentCommit = commit;
  const prevTerm = core.log.termAt(prevIndex);
  core.send({ type: 'append', from: core.id, to: peer.id, term: core.term, prevIndex, prevTerm, entries, commit });
}

/** Leader: the host read entries that were asked for. */
export function onFetched(core: RaftCore, message: Fetched): void {
  if (core.role !== 'leader' || message.term !== core.term) return;
  const peer = core.peer(message.to);
  if (peer === undefined || peer.state !== 'replicate' || peer.fetchFrom !== message.from) return;
  for (let i = 0; i < message.entries.length; i++) {
    const entry = message.entries[i]!;
    const index = message.from + i;
    const right = entry.index === index && core.log.knows(index) && entry.term === core.log.termAt(index);
    // Below compactedIndex the term is forgotten; such entries are of no use any more.
    if (!right && index > core.log.compactedIndex) throw new RaftError('RAFT_BAD_MESSAGE', `fetched ${entry.index} is not the log's ${index}`);
  }
  peer.fetchFrom = 0;
  const usable = message.from > core.log.compactedIndex && message.from === peer.next;
  if (message.entries.length === 0 || !usable) {
    // Trimmed meanwhile, or unreadable: an empty probe, and with its answer (or without the entries) another way is found.
    peer.becomeProbe(peer.next);
    return;
  }
  sendEntries(core, peer, message.entries);
}

/** Throws RaftError RAFT_BAD_MESSAGE unless the message could have come from a leader. */
export function checkAppend(message: Append): void {
  let index = message.prevIndex;
  let term = message.prevTerm;
  let ok = index >= 0 && message.commit >= 0;
  for (const entry of message.entries) {
    ok = ok && entry.index === index + 1 && entry.term >= term && entry.term <= message.term;
    index = entry.index;
    term = entry.term;
    if (entry.kind === 'config') decodeConfig(entry.data);
  }
  if (!ok) throw new RaftError('RAFT_BAD_MESSAGE', `append from ${message.from} with a gap or falling terms`);
}

/** Follower: AppendEntries of the leader of this term (Raft figure 2, receiver implementation). */
export function onAppend(core: RaftCore, message: Append): void {
  const { log } = core;
  if (message.prevIndex < log.commitIndex) {
    // Old or repeated. What is committed is equal everywhere, so tell the leader that much.
    reply(core, message.from, log.commitIndex);
    return;
  }
  if (!log.matches(message.prevIndex, message.prevTerm)) {
    reject(core, message);
    return;
  }
  let i = 0;
  while (i < message.entries.length && log.matches(message.entries[i]!.index, message.entries[i]!.term)) i++;
  if (i < message.entries.length) {
    // A slow disk: leave the message unanswered, the leader comes back to it.
    if (log.unsyncedBytes >= core.limits.unsyncedBytesMax) return;
    const first = message.entries[i]!.index;
    // Raft §5.3: "If an existing entry conflicts with a new one, delete the existing entry and all that follow it".
    if (first <= log.lastIndex) core.truncate(first);
    for (; i < message.entries.length; i++) core.appendFromLeader(message.entries[i]!);
  }
  const lastNew = message.prevIndex + message.entries.length;
  // Figure 2: "set commitIndex = min(leaderCommit, index of last new entry)": behind it the log may still differ.
  log.commitTo(Math.min(message.commit, lastNew));
  reply(core, message.from, lastNew);
}

function reply(core: RaftCore, to: string, index: number): void {
  const { id, term, impaired } = core;
  core.sendAfterSync({ type: 'append-reply', from: id, to, term, index, rejected: false, hintIndex: 0, hintTerm: 0, impaired });
}

/** Names the last place where the logs may still agree, so that the leader goes back a term a message at least (Raft §5.3). */
function reject(core: RaftCore, message: Append): void {
  const { id, term, impaired, log } = core;
  const hintIndex = log.conflictHint(Math.min(message.prevIndex, log.lastIndex), message.prevTerm);
  const hintTerm = log.knows(hintIndex) ? log.termAt(hintIndex) : 0;
  const index = message.prevIndex;
  core.sendAfterSync({ type: 'append-reply', from: id, to: message.from, term, index, rejected: true, hintIndex, hintTerm, impaired });
}

/** Leader: a follower's answer to an append or a snapshot. */
export function onAppendReply(core: RaftCore, message: AppendReply): void {
  const peer = core.peer(message.from);
  if (peer === undefined) return;
  if (message.impaired && !peer.impaired) peer.match = 0;
  peer.impaired = message.impaired;
  if (message.rejected) {
    onRejected(core, peer, message);
    return;
  }
  if (message.index > core.log.lastIndex) throw new RaftError('RAFT_BAD_MESSAGE', `${peer.id} acknowledges ${message.index}, which does not exist`);
  peer.acknowledge(message.index);
  if (peer.state === 'probe') peer.becomeReplicate();
  else if (peer.state === 'snapshot' && peer.match >= core.log.compactedIndex) peer.becomeReplicate();
  maybeCommit(core);
  handOver(core);
  if (core.transferee === peer.id) trySendTimeoutNow(core, false);
}

function onRejected(core: RaftCore, peer: Progress, message: AppendReply): void {
  if (peer.state === 'snapshot') return;
  // Late answers say nothing about what was sent since.
  const stale = peer.state === 'probe' ? message.index !== peer.next - 1 : message.index <= peer.match && !message.impaired;
  if (stale) return;
  // An impaired member may be damaged again while it heals: then it lacks even what it acknowledged since.
  if (message.impaired) peer.match = 0;
  // The leader, too, passes over all terms that the follower cannot have there.
  const conflict = message.hintTerm > 0 ? core.log.conflictHint(message.hintIndex, message.hintTerm) : message.hintIndex;
  peer.becomeProbe(Math.max(1, Math.min(message.index, conflict + 1)));
}

/**
 * Leader: moves the commit index to what a majority holds durably, itself included only as far as its own disk is.
 * Raft §5.4.2: "Only log entries from the leader's current term are committed by counting replicas".
 */
export function maybeCommit(core: RaftCore): void {
  if (core.role !== 'leader') return;
  const index = quorumValue(core.config, core.matchOf);
  if (index <= core.log.commitIndex || core.log.termAt(index) !== core.term) return;
  const first = !core.committedInTerm;
  core.log.commitTo(index);
  invariant(core.committedInTerm, 'an entry of this term was committed');
  if (first) releaseEarlyReads(core);
  afterCommit(core);
}

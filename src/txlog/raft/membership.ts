/** Changes of membership as a leader carries them out (Raft §6, thesis §4). What a configuration is stands in configuration.ts. */
import { changeConfig, isJoint, leaveJoint, mayLead } from './configuration.ts';
import type { RaftCore } from './core.ts';
import { RaftError } from './errors.ts';
import { sendTimeoutNow } from './leadership.ts';
import type { ConfigChange } from './types.ts';

/** Leader: appends the configuration that `change` leads to. Returns its index. Throws RaftError. */
export function proposeConfig(core: RaftCore, change: ConfigChange): number {
  if (core.role !== 'leader') throw new RaftError('RAFT_NOT_LEADER', 'only the leader can change members');
  if (core.transferee !== '' || core.isCaretaker) throw new RaftError('RAFT_TRANSFERRING', 'leadership is being handed over');
  // One change at a time (Raft §6); and the leader must know that its predecessors' are settled, hence an entry of its own
  // term (Ongaro, "bug in single-server membership changes", raft-dev, July 2015).
  if (!core.configCommitted) throw new RaftError('RAFT_CONFIG_PENDING', 'another change is not committed yet');
  if (!core.committedInTerm) throw new RaftError('RAFT_CONFIG_PENDING', 'nothing is committed in this term yet');
  const next = changeConfig(core.config, change, core.limits.membersMax);
  // It might end up as the only one that has this entry, unable to lead and so to pass it on.
  if (next.logOnly.includes(core.id)) throw new RaftError('RAFT_CONFIG_INVALID', 'a leader hands over before it becomes log-only');
  return core.appendConfig(next);
}

/** Leader: the commit index moved, perhaps past a configuration. May end its leadership. */
export function afterCommit(core: RaftCore): void {
  if (!core.configCommitted) return;
  const { config } = core;
  if (isJoint(config)) {
    // Raft §6: "Once C_old,new has been committed […] it is now safe for the leader to create a log entry describing C_new".
    if (config.autoLeave && core.committedInTerm) core.appendConfig(leaveJoint(config));
    return;
  }
  if (mayLead(config, core.id) || core.isCaretaker) return;
  // Raft §6: "the leader steps down (returns to follower state) once it has committed the C_new log entry". Its followers
  // hear of that commit only from the next leader, so the best of them is told to start at once (thesis §4.2.2, §3.10).
  let best = '';
  let bestMatch = -1;
  for (const peer of core.peers) {
    if (peer.impaired || peer.match <= bestMatch || !mayLead(config, peer.id)) continue;
    best = peer.id;
    bestMatch = peer.match;
  }
  if (best !== '') sendTimeoutNow(core, best);
  core.becomeFollower(core.term, '');
}

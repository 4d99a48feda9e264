/**
 * What an operator may do to the members of a shard: from a wish to the change that fulfils it, or to the reason why it is
 * refused. Pure: what is known of the members comes in. Must let nothing pass that leaves the shard without a majority
 * that is alive, or without anybody who has the data and may lead.
 */
import { OperationalError } from '../shared/errors.ts';
import type { MemberChange } from '../txlog/raft/types.ts';
import { type MemberInfo, formatAddress } from './member-label.ts';

export type MemberOperation = 'remove' | 'promote' | 'demote' | 'replace';

/** What the leader knows. */
export interface ShardView {
  readonly members: readonly MemberInfo[];
  /** Whether it has been heard of lately; the leader itself has. */
  readonly isAlive: (id: string) => boolean;
  /** Whether it has almost all of the log. */
  readonly isCaughtUp: (id: string) => boolean;
}

export interface PlannedChange {
  readonly changes: readonly MemberChange[];
  /** The members when it is done. */
  readonly after: readonly MemberInfo[];
}

/** In which zone the members are may be overridden by an operator who knows better; nothing else may. */
export function refused(message: string): OperationalError {
  return new OperationalError('OPERATION_REFUSED', message);
}

/** Code of a refusal that may be over in a moment: it is about who has been heard of and has how much of the log. */
export const NOT_NOW = 'OPERATION_REFUSED_NOW';

function refusedNow(message: string): OperationalError {
  return new OperationalError(NOT_NOW, message);
}

/** A member as operators are told of it. */
export function nameOf({ id, peer }: MemberInfo): string {
  return `${id.slice(0, 8)} (${formatAddress(peer)})`;
}

/**
 * @param successor for 'replace': who takes the target's place
 * @param force lets a zone lose its last voter
 * @throws OperationalError OPERATION_REFUSED, NOT_NOW
 */
export function planChange(view: ShardView, operation: MemberOperation, target: MemberInfo, successor: MemberInfo | null, force: boolean): PlannedChange {
  const changes = changesFor(operation, target, successor);
  const after = view.members.flatMap((member): MemberInfo[] => {
    const change = changes.find(({ id }) => id === member.id);
    if (change === undefined) return [member];
    return change.op === 'remove' ? [] : [{ ...member, role: change.role }];
  });
  checkVoters(view, after);
  if (!force) checkZones(view.members, after);
  return { changes, after };
}

function changesFor(operation: MemberOperation, target: MemberInfo, successor: MemberInfo | null): MemberChange[] {
  switch (operation) {
    case 'remove':
      return [{ op: 'remove', id: target.id }];
    case 'promote':
      if (target.role === 'voter') throw refused(`member ${nameOf(target)} is a voter already`);
      if (target.role === 'log-only') throw refused(`member ${nameOf(target)} keeps the log alone: start it with member-role voter instead`);
      return [{ op: 'put', id: target.id, role: 'voter' }];
    case 'demote':
      if (target.role === 'learner') throw refused(`member ${nameOf(target)} is a learner already`);
      return [{ op: 'put', id: target.id, role: 'learner' }];
    case 'replace':
      if (successor === null || successor.id === target.id) throw refused('a member is replaced by another one');
      if (target.role === 'learner' || successor.role !== 'learner') return [{ op: 'remove', id: target.id }];
      return [{ op: 'remove', id: target.id }, { op: 'put', id: successor.id, role: 'voter' }];
  }
}

function checkVoters({ members, isAlive, isCaughtUp }: ShardView, after: readonly MemberInfo[]): void {
  const votes = ({ role }: MemberInfo): boolean => role !== 'learner';
  for (const member of after) {
    const isNew = votes(member) && !members.some((before) => before.id === member.id && votes(before));
    if (isNew && !isCaughtUp(member.id)) throw refusedNow(`member ${nameOf(member)} is not caught up: it has not got the log yet, or does not answer`);
  }
  const electable = after.filter(({ role }) => role === 'voter');
  if (electable.length === 0) throw refused('this is the only voter with the data: promote another member first');
  if (!electable.some(({ id }) => isAlive(id) && isCaughtUp(id))) throw refusedNow('no other voter with the data is alive and caught up');
  const voters = after.filter(votes);
  const alive = voters.filter(({ id }) => isAlive(id)).length;
  const majority = Math.floor(voters.length / 2) + 1;
  if (alive < majority) throw refusedNow(`no quorum: of the ${voters.length} voters that there would be ${alive} answer, and ${majority} are needed`);
}

function checkZones(before: readonly MemberInfo[], after: readonly MemberInfo[]): void {
  const zonesOf = (members: readonly MemberInfo[]): Set<string> => new Set(members.filter(({ role }) => role !== 'learner').map(({ zone }) => zone));
  const left = zonesOf(after);
  for (const zone of zonesOf(before)) {
    if (zone !== '' && !left.has(zone)) throw refused(`availability zone ${zone} would lose its last voter: replace the member by one of that zone, or say FORCE`);
  }
}

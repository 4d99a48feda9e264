/** What of operators' wishes passes, and what is refused. */
import { expect, test } from 'vitest';
import { type MemberOperation, type ShardView, planChange } from '../../src/replication/member-changes.ts';
import type { MemberInfo } from '../../src/replication/member-label.ts';

function member(id: string, role: MemberInfo['role'], zone: string): MemberInfo {
  return { id, role, zone, peer: { host: id, port: 7379 }, client: { host: id, port: 6379 } };
}

const [A, B, C] = ['a', 'b', 'c'].map((id) => member(id, 'voter', `zone-${id}`)) as [MemberInfo, MemberInfo, MemberInfo];
const LEARNER = member('l', 'learner', 'zone-c');
const SAME_ZONE = member('d', 'voter', 'zone-c');
const LOG_ONLY = member('g', 'log-only', 'zone-c');

function view(members: MemberInfo[], { dead = [], behind = [] }: { dead?: string[]; behind?: string[] } = {}): ShardView {
  return { members, isAlive: (id) => !dead.includes(id), isCaughtUp: (id) => !dead.includes(id) && !behind.includes(id) };
}

function plan(shard: ShardView, operation: MemberOperation, target: MemberInfo, by: MemberInfo | null = null, force = false): string[] {
  return planChange(shard, operation, target, by, force).changes.map((change) => `${change.op} ${change.id}${change.op === 'put' ? ` ${change.role}` : ''}`);
}

test('what passes', () => {
  expect(plan(view([A, B, C, SAME_ZONE]), 'remove', C)).toEqual(['remove c']);
  expect(plan(view([A, B, C]), 'remove', C, null, true)).toEqual(['remove c']);
  expect(plan(view([A, B, C, LEARNER]), 'remove', LEARNER)).toEqual(['remove l']);
  expect(plan(view([A, B, C, LEARNER]), 'promote', LEARNER)).toEqual(['put l voter']);
  expect(plan(view([A, B, C, SAME_ZONE]), 'demote', SAME_ZONE)).toEqual(['put d learner']);
  expect(plan(view([A, B, C, LEARNER], { dead: ['c'] }), 'replace', C, LEARNER)).toEqual(['remove c', 'put l voter']);
  expect(plan(view([A, B, C, SAME_ZONE], { dead: ['c'] }), 'replace', C, SAME_ZONE)).toEqual(['remove c']);
  expect(plan(view([A, B, LOG_ONLY, LEARNER]), 'replace', LOG_ONLY, LEARNER)).toEqual(['remove g', 'put l voter']);
  // Zones that were not told are no zones.
  const nowhere = [member('x', 'voter', ''), member('y', 'voter', ''), member('z', 'voter', '')];
  expect(plan(view(nowhere), 'remove', nowhere[0]!)).toEqual(['remove x']);
});

test.each<[string, ShardView, MemberOperation, MemberInfo, MemberInfo | null, string]>([
  ['the last voter of a zone', view([A, B, C]), 'remove', C, null, 'zone zone-c would lose its last voter'],
  ['the last voter of a zone, as learner', view([A, B, C]), 'demote', C, null, 'zone zone-c would lose its last voter'],
  ['one of another zone', view([A, B, C, LEARNER]), 'replace', A, LEARNER, 'zone zone-a would lose its last voter'],
])('refused unless forced: %s', (_what, shard, operation, target, by, reason) => {
  expect(() => plan(shard, operation, target, by)).toThrow(reason);
  expect(plan(shard, operation, target, by, true)).not.toEqual([]);
});

test.each<[string, ShardView, MemberOperation, MemberInfo, MemberInfo | null, string]>([
  ['the only voter', view([A, LEARNER]), 'remove', A, null, 'only voter with the data'],
  ['the only one with the data', view([A, LOG_ONLY]), 'demote', A, null, 'only voter with the data'],
  ['one of two that are left of three', view([A, B, C], { dead: ['c'] }), 'remove', B, null, 'no quorum: of the 2 voters that there would be 1 answer, and 2 are needed'],
  ['all others are behind', view([A, B, C], { behind: ['b', 'c'] }), 'remove', A, null, 'no other voter with the data is alive and caught up'],
  ['a learner that is behind', view([A, B, C, LEARNER], { behind: ['l'] }), 'promote', LEARNER, null, 'member l (l:7379) is not caught up'],
  ['a successor that is behind', view([A, B, C, LEARNER], { behind: ['l'] }), 'replace', C, LEARNER, 'is not caught up'],
  ['a voter', view([A, B, C]), 'promote', C, null, 'is a voter already'],
  ['a log-only voter', view([A, B, LOG_ONLY]), 'promote', LOG_ONLY, null, 'keeps the log alone'],
  ['a learner', view([A, B, C, LEARNER]), 'demote', LEARNER, null, 'is a learner already'],
  ['by itself', view([A, B, C]), 'replace', C, C, 'by another one'],
])('refused even if forced: %s', (_what, shard, operation, target, by, reason) => {
  expect(() => plan(shard, operation, target, by, true)).toThrow(reason);
});

/**
 * The rules of the Raft paper (extended version), sentence by sentence: what a member does that stands alone and is told
 * the messages of the others. Quotations are the paper's. Where the thesis refines a rule, that is said.
 */
import { beforeEach, describe, expect, it } from 'vitest';
import { firstConfig } from '../../../src/txlog/raft/configuration.ts';
import { latin1Bytes } from '../../../src/shared/request.ts';
import { RaftError } from '../../../src/txlog/raft/errors.ts';
import type { Append, Entry, Message, PeerMessage, Ready, Vote } from '../../../src/txlog/raft/types.ts';
import { SimMember } from './sim-member.ts';

const NOTHING = new Uint8Array(0);

function member(ids: string[], fraction = 0): SimMember {
  return new SimMember({ id: 'n1', config: firstConfig(ids.map((id) => ({ id, role: 'voter' }))), random: () => fraction });
}

function entries(...terms: [index: number, term: number][]): Entry[] {
  return terms.map(([index, term]) => ({ index, term, kind: 'normal', data: latin1Bytes(`${index}/${term}`) }));
}

/** Does and syncs everything there is to do; returns what was sent. */
function flush(m: SimMember): PeerMessage[] {
  const sent: PeerMessage[] = [];
  while (m.takeReady() !== null || m.pending.length > 0) {
    while (m.pending.length > 0) m.syncOne();
    sent.push(...m.takeMessages());
  }
  sent.push(...m.takeMessages());
  return sent;
}

function step(m: SimMember, message: Message): PeerMessage[] {
  m.node.step(message);
  return flush(m);
}

function append(over: Partial<Append>): Append {
  return { type: 'append', from: 'n2', to: 'n1', term: 1, prevIndex: 0, prevTerm: 0, entries: [], commit: 0, ...over };
}

function vote(over: Partial<Vote>): Vote {
  return { type: 'vote', from: 'n2', to: 'n1', term: 1, lastIndex: 0, lastTerm: 0, transfer: false, ...over };
}

function ack(from: string, index: number, term = 1): Message {
  return { type: 'append-reply', from, to: 'n1', term, index, rejected: false, hintIndex: 0, hintTerm: 0, impaired: false };
}

/** Lets the promise to an earlier leader lapse without starting an election. */
function forgetLeader(m: SimMember): void {
  for (let i = 0; i < m.limits.electionTicks; i++) m.node.tick();
  flush(m);
}

/** Makes `m` the leader of the next term by the votes of the others. */
function elect(m: SimMember, others: string[]): PeerMessage[] {
  expect(m.node.campaign()).toBe(true);
  flush(m);
  const term = m.node.status().term;
  for (const from of others) m.node.step({ type: 'pre-vote-reply', from, to: 'n1', term: term + 1, granted: true });
  flush(m);
  for (const from of others) m.node.step({ type: 'vote-reply', from, to: 'n1', term: term + 1, granted: true });
  expect(m.node.status().role).toBe('leader');
  return flush(m);
}

function crash(m: SimMember): void {
  m.crash();
  m.restart();
}

let m: SimMember;
beforeEach(() => {
  m = member(['n1', 'n2', 'n3'], 0.5);
});

describe('§5.1 terms', () => {
  it('"If one server\'s current term is smaller than the other\'s, then it updates its current term to the larger value."', () => {
    step(m, append({ term: 7 }));
    expect(m.node.status()).toMatchObject({ term: 7, role: 'follower', leader: 'n2' });
    expect(m.disk.hardState.term).toBe(7);
  });

  it('"If a candidate or leader discovers that its term is out of date, it immediately reverts to follower state."', () => {
    elect(m, ['n2']);
    step(m, { ...ack('n2', 0, 5), rejected: true } as Message);
    expect(m.node.status()).toMatchObject({ term: 5, role: 'follower', leader: '' });
  });

  it('"If a server receives a request with a stale term number, it rejects the request."', () => {
    step(m, append({ term: 3 }));
    forgetLeader(m);
    expect(step(m, append({ term: 2, from: 'n3', entries: entries([1, 2]) }))).toMatchObject([{ type: 'append-reply', term: 3, rejected: true }]);
    expect(step(m, vote({ term: 2, from: 'n3' }))).toMatchObject([{ type: 'vote-reply', term: 3, granted: false }]);
    expect(m.node.status().lastIndex).toBe(0);
  });
});

describe('§5.2 leader election', () => {
  it('"When servers start up, they begin as followers."', () => expect(m.node.status().role).toBe('follower'));

  it('"If a follower receives no communication over a period of time called the election timeout, then it […] begins an election"', () => {
    for (let i = 0; i < 14; i++) m.node.tick();
    expect(m.node.status().role).toBe('follower');
    m.node.tick();
    expect(m.node.status().role).toBe('pre-candidate');
  });

  it('thesis §9.6: a pre-vote changes no term; only with a majority of them "the candidate increment[s] its term and start[s] a normal election"', () => {
    m.node.campaign();
    expect(flush(m)).toMatchObject([{ type: 'pre-vote', to: 'n2', term: 1 }, { type: 'pre-vote', to: 'n3', term: 1 }]);
    expect(m.node.status().term).toBe(0);
    const sent = step(m, { type: 'pre-vote-reply', from: 'n3', to: 'n1', term: 1, granted: true });
    expect(sent).toMatchObject([{ type: 'vote', to: 'n2', term: 1 }, { type: 'vote', to: 'n3', term: 1 }]);
    expect(m.node.status()).toMatchObject({ role: 'candidate', term: 1, vote: 'n1' });
  });

  it('requests for votes leave only after term and own vote are durable, and the own vote counts only then', () => {
    m.node.campaign();
    flush(m);
    m.node.step({ type: 'pre-vote-reply', from: 'n3', to: 'n1', term: 1, granted: true });
    const ready = m.takeReady() as Ready;
    expect(ready).toMatchObject({ mustSync: true, messages: [], hardState: { term: 1, vote: 'n1' } });
    expect(ready.messagesAfterSync).toHaveLength(2);
    m.node.step({ type: 'vote-reply', from: 'n2', to: 'n1', term: 1, granted: true });
    expect(m.node.status().role).toBe('candidate');
    m.syncOne();
    expect(m.node.status().role).toBe('leader');
  });

  it('an earlier batch becoming durable does not make the own vote count', () => {
    const single = member(['n1'], 0.5);
    step(single, append({ term: 1, entries: [] }));
    forgetLeader(single);
    single.node.step(vote({ term: 2, lastIndex: 0, lastTerm: 0 }));
    single.takeReady();
    expect(single.node.campaign()).toBe(true);
    single.takeReady();
    expect(single.pending).toHaveLength(2);
    single.syncOne();
    expect(single.node.status()).toMatchObject({ role: 'candidate', term: 3 });
    single.syncOne();
    expect(single.node.status().role).toBe('leader');
  });

  it('"Each server will vote for at most one candidate in a given term, on a first-come-first-served basis", also across a crash', () => {
    expect(step(m, vote({ from: 'n2' }))).toMatchObject([{ type: 'vote-reply', to: 'n2', granted: true }]);
    expect(step(m, vote({ from: 'n3' }))).toMatchObject([{ type: 'vote-reply', to: 'n3', granted: false }]);
    expect(step(m, vote({ from: 'n2' }))).toMatchObject([{ type: 'vote-reply', to: 'n2', granted: true }]);
    crash(m);
    forgetLeader(m);
    expect(step(m, vote({ from: 'n3' }))).toMatchObject([{ type: 'vote-reply', to: 'n3', granted: false }]);
  });

  it('a vote is answered only after it is durable', () => {
    m.node.step(vote({}));
    const ready = m.takeReady() as Ready;
    expect(ready).toMatchObject({ mustSync: true, hardState: { term: 1, vote: 'n2' }, messages: [] });
    expect(ready.messagesAfterSync).toMatchObject([{ type: 'vote-reply', granted: true }]);
  });

  it.each([
    [3, 1, 'leader'],
    [3, 0, 'candidate'],
    [5, 2, 'leader'],
    [5, 1, 'candidate'],
  ])('"A candidate wins an election if it receives votes from a majority": %i voters, %i other votes: %s', (size, yes, role) => {
    const ids = ['n1', 'n2', 'n3', 'n4', 'n5'].slice(0, size);
    const c = member(ids);
    c.node.campaign();
    flush(c);
    for (const from of ids.slice(1)) c.node.step({ type: 'pre-vote-reply', from, to: 'n1', term: 1, granted: true });
    flush(c);
    for (const from of ids.slice(1, 1 + yes)) {
      // Twice: a repeated message is one vote.
      for (let i = 0; i < 2; i++) c.node.step({ type: 'vote-reply', from, to: 'n1', term: 1, granted: true });
    }
    expect(c.node.status().role).toBe(role);
  });

  it('a candidate that a majority refused returns to follower', () => {
    m.node.campaign();
    flush(m);
    step(m, { type: 'pre-vote-reply', from: 'n2', to: 'n1', term: 1, granted: true });
    step(m, { type: 'vote-reply', from: 'n2', to: 'n1', term: 1, granted: false });
    step(m, { type: 'vote-reply', from: 'n3', to: 'n1', term: 1, granted: false });
    expect(m.node.status()).toMatchObject({ role: 'follower', term: 1 });
  });

  it('"If the leader\'s term […] is at least as large as the candidate\'s current term, then the candidate recognizes the leader"', () => {
    m.node.campaign();
    flush(m);
    step(m, { type: 'pre-vote-reply', from: 'n2', to: 'n1', term: 1, granted: true });
    step(m, append({ term: 1, from: 'n3' }));
    expect(m.node.status()).toMatchObject({ role: 'follower', leader: 'n3', term: 1 });
  });

  it('"Raft uses randomized election timeouts"', () => {
    const when = [0, 0.3, 0.99].map((fraction) => {
      const c = member(['n1', 'n2', 'n3'], fraction);
      let ticks = 0;
      while (c.node.status().role === 'follower') {
        c.node.tick();
        ticks++;
      }
      return ticks;
    });
    expect(when).toEqual([10, 13, 19]);
  });

  it('a leader "sends periodic heartbeats […] to all followers"', () => {
    elect(m, ['n2']);
    m.node.tick();
    expect(flush(m).filter((message) => message.type === 'heartbeat').map((message) => message.to)).toEqual(['n2', 'n3']);
  });
});

describe('§5.3 log replication', () => {
  it('"The leader appends the command to its log as a new entry, then issues AppendEntries RPCs in parallel to each of the other servers"', () => {
    elect(m, ['n2']);
    step(m, ack('n2', 1));
    step(m, ack('n3', 1));
    m.node.propose(latin1Bytes('x'));
    const ready = m.takeReady() as Ready;
    // In parallel with its own write, too (thesis §10.2.1).
    expect(ready.entries.map((entry) => entry.index)).toEqual([2]);
    expect(ready.messages.filter((message) => message.type === 'append')).toMatchObject([
      { to: 'n2', prevIndex: 1, prevTerm: 1, entries: [{ index: 2, term: 1 }] },
      { to: 'n3', prevIndex: 1, prevTerm: 1, entries: [{ index: 2, term: 1 }] },
    ]);
  });

  it('"A log entry is committed once the leader that created the entry has replicated it on a majority of the servers"', () => {
    elect(m, ['n2']);
    expect(m.node.status().commitIndex).toBe(0);
    step(m, ack('n2', 1));
    expect(m.node.status().commitIndex).toBe(1);
  });

  it('thesis §10.2.1: the leader counts itself only once the entry is on its own disk', () => {
    elect(m, ['n2']);
    step(m, ack('n2', 1));
    m.node.propose(latin1Bytes('x'));
    m.takeReady();
    m.node.step(ack('n2', 2));
    expect(m.node.status().commitIndex).toBe(1);
    m.syncOne();
    expect(m.node.status().commitIndex).toBe(2);
  });

  it('thesis §10.2.1: an entry "may even be committed before it has been written to the leader\'s own disk", by a majority of followers', () => {
    elect(m, ['n2']);
    step(m, ack('n2', 1));
    m.node.propose(latin1Bytes('x'));
    m.takeReady();
    m.node.step(ack('n2', 2));
    m.node.step(ack('n3', 2));
    expect(m.node.status()).toMatchObject({ commitIndex: 2, syncedIndex: 1 });
    const ready = m.takeReady() as Ready;
    expect(ready.commitIndex).toBe(2);
    // To be applied only when a restart would find it.
    expect(ready.committed).toBeNull();
  });

  it('a single voter commits as soon as its disk has the entry', () => {
    const single = member(['n1']);
    expect(single.node.campaign()).toBe(true);
    flush(single);
    expect(single.node.propose(latin1Bytes('x'))).toBe(2);
    single.takeReady();
    expect(single.node.status().commitIndex).toBe(1);
    single.syncOne();
    expect(single.node.status().commitIndex).toBe(2);
    const ready = single.takeReady() as Ready;
    expect(ready).toMatchObject({ mustSync: false, committed: { from: 2, through: 2 }, hardState: { commit: 2 } });
  });

  it('"The leader keeps track of the highest index it knows to be committed, and it includes that index in future AppendEntries RPCs"', () => {
    elect(m, ['n2']);
    const sent = step(m, ack('n2', 1));
    expect(sent).toMatchObject([{ type: 'append', to: 'n2', commit: 1, entries: [] }]);
  });

  it('"Once a follower learns that a log entry is committed, it applies the entry to its local state machine (in log order)."', () => {
    const seen: number[] = [];
    m.onApply = (index) => seen.push(index);
    step(m, append({ entries: entries([1, 1], [2, 1], [3, 1]) }));
    expect(seen).toEqual([]);
    step(m, append({ prevIndex: 3, prevTerm: 1, commit: 2 }));
    expect(seen).toEqual([1, 2]);
  });

  it('figure 2: "set commitIndex = min(leaderCommit, index of last new entry)"', () => {
    step(m, append({ entries: entries([1, 1], [2, 1]), commit: 9 }));
    expect(m.node.status().commitIndex).toBe(2);
    // Known to match only through 1: the second entry might be another leader's.
    const other = member(['n1', 'n2', 'n3']);
    step(other, append({ entries: entries([1, 1], [2, 1]) }));
    step(other, append({ term: 2, from: 'n3', prevIndex: 1, prevTerm: 1, commit: 2 }));
    expect(other.node.status().commitIndex).toBe(1);
  });

  it('"If the follower does not find an entry in its log with the same index and term, then it refuses the new entries."', () => {
    step(m, append({ entries: entries([1, 1], [2, 1]) }));
    expect(step(m, append({ term: 2, prevIndex: 3, prevTerm: 1, entries: entries([4, 2]) }))).toMatchObject([
      { type: 'append-reply', rejected: true, index: 3, hintIndex: 2, hintTerm: 1 },
    ]);
    expect(step(m, append({ term: 2, prevIndex: 2, prevTerm: 2, entries: entries([3, 2]) }))).toMatchObject([{ rejected: true, index: 2 }]);
    expect(m.node.status().lastIndex).toBe(2);
  });

  it('"If an existing entry conflicts with a new one […], delete the existing entry and all that follow it"', () => {
    step(m, append({ entries: entries([1, 1], [2, 1], [3, 1]) }));
    step(m, append({ term: 2, prevIndex: 1, prevTerm: 1, entries: entries([2, 2]) }));
    expect(m.disk.entries.map((entry) => [entry.index, entry.term])).toEqual([[1, 1], [2, 2]]);
  });

  it('a repeated or late append deletes nothing', () => {
    step(m, append({ entries: entries([1, 1], [2, 1], [3, 1]) }));
    expect(step(m, append({ entries: entries([1, 1]) }))).toMatchObject([{ type: 'append-reply', rejected: false, index: 1 }]);
    expect(m.node.status().lastIndex).toBe(3);
  });

  it('"AppendEntries […] respond after entry is persisted": the acknowledgement waits for the disk', () => {
    m.node.step(append({ entries: entries([1, 1]) }));
    const ready = m.takeReady() as Ready;
    expect(ready.messages).toEqual([]);
    expect(ready.messagesAfterSync).toMatchObject([{ type: 'append-reply', index: 1 }]);
  });

  it('"the follower can include the term of the conflicting entry and the first index it stores for that term": one probe per term', () => {
    // Figure 7 (f): the follower has terms 2 and 3 where the leader has 4, 5 and 6.
    const terms: [number, number][] = [[1, 1], [2, 1], [3, 1], [4, 4], [5, 4], [6, 5], [7, 5], [8, 6], [9, 6], [10, 6]];
    const leader = member(['n1', 'n2', 'n3']);
    step(leader, append({ term: 6, entries: entries(...terms) }));
    forgetLeader(leader);
    elect(leader, ['n3']);
    const follower = new SimMember({ id: 'n2', config: firstConfig(['n1', 'n2', 'n3'].map((id) => ({ id, role: 'voter' }))) });
    const own: [number, number][] = [[1, 1], [2, 1], [3, 1], [4, 2], [5, 2], [6, 2], [7, 3], [8, 3], [9, 3], [10, 3], [11, 3]];
    step(follower, append({ to: 'n2', from: 'n3', term: 3, entries: entries(...own) }));
    let probes = 0;
    let queue: PeerMessage[] = [{ type: 'append', from: 'n1', to: 'n2', term: 7, prevIndex: 10, prevTerm: 6, entries: [], commit: 0 }];
    while (queue.length > 0) {
      const message = queue.shift()!;
      if (message.to === 'n2' && message.type === 'append') probes++;
      queue.push(...step(message.to === 'n1' ? leader : follower, message).filter((each) => each.to !== 'n3'));
      queue = queue.filter((each) => each.type === 'append' || each.type === 'append-reply');
    }
    expect(follower.disk.entries.map((entry) => entry.term)).toEqual([1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7]);
    expect(probes).toBeLessThanOrEqual(3);
  });
});

describe('§5.4 safety', () => {
  it.each([
    [2, 3, true],
    [3, 2, true],
    [2, 2, true],
    [9, 1, false],
    [1, 2, false],
  ])('§5.4.1: "the voter denies its vote if its own log is more up-to-date": last entry %i of term %i: %s', (lastIndex, lastTerm, granted) => {
    step(m, append({ term: 2, entries: entries([1, 1], [2, 2]) }));
    forgetLeader(m);
    expect(step(m, vote({ term: 5, from: 'n3', lastIndex, lastTerm }))).toMatchObject([{ type: 'vote-reply', granted }]);
    const other = member(['n1', 'n2', 'n3'], 0.5);
    step(other, append({ term: 2, entries: entries([1, 1], [2, 2]) }));
    forgetLeader(other);
    expect(step(other, { type: 'pre-vote', from: 'n3', to: 'n1', term: 5, lastIndex, lastTerm })).toMatchObject([{ type: 'pre-vote-reply', granted }]);
  });

  it('§5.4.2: "Only log entries from the leader\'s current term are committed by counting replicas" (figure 8)', () => {
    step(m, append({ term: 1, entries: entries([1, 1], [2, 1]) }));
    forgetLeader(m);
    elect(m, ['n2']);
    step(m, ack('n2', 2, 2));
    step(m, ack('n3', 2, 2));
    expect(m.node.status()).toMatchObject({ commitIndex: 0, committedInTerm: false });
    // "once an entry from the current term has been committed in this way, then all prior entries are committed indirectly"
    step(m, ack('n2', 3, 2));
    expect(m.node.status()).toMatchObject({ commitIndex: 3, committedInTerm: true });
  });
});

describe('§6 and thesis §6.4: the promise to a leader', () => {
  it('"if a server receives a RequestVote RPC within the minimum election timeout of hearing from a current leader, it does not update its term or grant its vote"', () => {
    step(m, append({ term: 1 }));
    for (let i = 0; i < 9; i++) m.node.tick();
    expect(step(m, vote({ term: 9, from: 'n3', lastIndex: 9, lastTerm: 9 }))).toEqual([]);
    expect(m.node.status().term).toBe(1);
    m.node.tick();
    expect(step(m, vote({ term: 9, from: 'n3', lastIndex: 9, lastTerm: 9 }))).toMatchObject([{ granted: true }]);
  });

  it('it binds the member\'s own candidacy, outlives a higher term, and is renewed by a restart', () => {
    step(m, append({ term: 1 }));
    expect(m.node.campaign()).toBe(false);
    step(m, { type: 'vote-reply', from: 'n3', to: 'n1', term: 4, granted: false });
    expect(m.node.status()).toMatchObject({ term: 4, leader: '' });
    expect(step(m, vote({ term: 4, from: 'n3', lastIndex: 9, lastTerm: 4 }))).toMatchObject([{ granted: false }]);
    crash(m);
    expect(m.node.campaign()).toBe(false);
    expect(step(m, vote({ term: 5, from: 'n3', lastIndex: 9, lastTerm: 4 }))).toEqual([]);
  });

  it('thesis §3.10: an election that the leader asked for is not held up by it', () => {
    step(m, append({ term: 1 }));
    expect(step(m, vote({ term: 2, from: 'n3', transfer: true }))).toMatchObject([{ granted: true }]);
  });

  it('thesis §6.2: a leader without answers from a majority steps down after an election timeout', () => {
    elect(m, ['n2']);
    for (let i = 0; i < 9; i++) m.node.tick();
    expect(m.node.status().role).toBe('leader');
    m.node.tick();
    expect(m.node.status().role).toBe('follower');
  });

  it('what passes while this process stands still is nobody\'s silence, but ends leases and promises', () => {
    elect(m, ['n2']);
    step(m, { type: 'heartbeat-reply', from: 'n2', to: 'n1', term: 1, round: 1, sentTick: 0, impaired: false });
    for (let i = 0; i < 5; i++) m.node.tick();
    for (let i = 0; i < 30; i++) m.node.tick(true);
    expect(m.node.status()).toMatchObject({ role: 'leader', leaseUntilTick: 0 });
    for (let i = 0; i < 4; i++) m.node.tick();
    expect(m.node.status().role).toBe('leader');
    m.node.tick();
    expect(m.node.status().role).toBe('follower');

    step(m, append({ term: 2 }));
    for (let i = 0; i < 30; i++) m.node.tick(true);
    expect(m.node.status()).toMatchObject({ role: 'follower', leader: 'n2' });
    expect(step(m, vote({ term: 3, from: 'n3', lastIndex: 9, lastTerm: 2 }))).toMatchObject([{ granted: true }]);
  });

  it('the lease ends before the promise does, at the worst allowed drift', () => {
    elect(m, ['n2']);
    step(m, { type: 'heartbeat-reply', from: 'n2', to: 'n1', term: 1, round: 1, sentTick: 0, impaired: false });
    const { leaseUntilTick } = m.node.status();
    // The leader asked just before tick 1; the voter's first tick came at once, and its ticks are 10 % shorter.
    const promiseEnds = (m.limits.electionTicks - 1) * (1 - m.limits.clockDriftMax);
    expect(leaseUntilTick).toBe(8);
    expect(leaseUntilTick).toBeLessThanOrEqual(promiseEnds);
  });
});

describe('an impaired member (see RestartState.impaired)', () => {
  function impair(): void {
    step(m, append({ term: 1, entries: entries([1, 1], [2, 1], [3, 1]) }));
    m.crash();
    m.disk.entries.pop();
    m.disk.impaired = true;
    m.restart();
    forgetLeader(m);
  }

  it('votes for nobody, not even in a pre-vote, and does not campaign', () => {
    impair();
    const candidate = { from: 'n3', lastIndex: 9, lastTerm: 1 };
    expect(step(m, { ...vote({ term: 2 }), ...candidate })).toMatchObject([{ type: 'vote-reply', granted: false }]);
    expect(step(m, { type: 'pre-vote', to: 'n1', term: 3, ...candidate })).toMatchObject([{ granted: false }]);
    expect(m.node.campaign()).toBe(false);
  });

  it('is healed when its disk has what a leader, asked after the loss, names; not before', () => {
    impair();
    step(m, append({ term: 1, prevIndex: 2, prevTerm: 1 }));
    for (let i = 0; i < 10; i++) m.node.tick();
    expect(flush(m)).toMatchObject([{ type: 'read-index', to: 'n2', context: -1 }]);
    step(m, { type: 'read-index-reply', from: 'n2', to: 'n1', term: 1, context: -1, index: 3 });
    expect(m.node.status().impaired).toBe(true);
    m.node.step(append({ term: 1, prevIndex: 2, prevTerm: 1, entries: entries([3, 1]), commit: 3 }));
    m.takeReady();
    expect(m.node.status().impaired).toBe(true);
    m.syncOne();
    expect(m.node.status().impaired).toBe(false);
    expect((m.takeReady() as Ready).healed).toBe(true);
  });

  it('counts in no majority: neither for commit, nor lease, nor reads', () => {
    elect(m, ['n2']);
    step(m, { ...ack('n2', 1), impaired: true } as Message);
    step(m, { type: 'heartbeat-reply', from: 'n2', to: 'n1', term: 1, round: 1, sentTick: 0, impaired: true });
    expect(m.node.status()).toMatchObject({ commitIndex: 0, leaseUntilTick: 0 });
    step(m, ack('n3', 1));
    m.node.readIndex(5);
    flush(m);
    step(m, { type: 'heartbeat-reply', from: 'n2', to: 'n1', term: 1, round: 9, sentTick: 0, impaired: true });
    expect(m.reads).toEqual([]);
    step(m, { type: 'heartbeat-reply', from: 'n3', to: 'n1', term: 1, round: 9, sentTick: 0, impaired: false });
    expect(m.reads).toEqual([{ context: 5, index: 1 }]);
    // Healed, it counts by its next answer.
    m.node.propose(latin1Bytes('x'));
    flush(m);
    step(m, ack('n2', 2));
    expect(m.node.status().commitIndex).toBe(2);
  });
});

describe('refusals', () => {
  it('a follower takes no proposals', () => {
    expect(() => m.node.propose(NOTHING)).toThrow(expect.objectContaining({ code: 'RAFT_NOT_LEADER' }) as RaftError);
  });

  it('a message with a gap changes nothing', () => {
    expect(() => m.node.step(append({ term: 3, entries: entries([1, 1], [3, 1]) }))).toThrow(RaftError);
    expect(m.node.status()).toMatchObject({ term: 0, lastIndex: 0 });
  });

  it('a log that contradicts its hard state is not started from', () => {
    m.disk.hardState = { term: 3, vote: '', commit: 5 };
    expect(() => m.restart()).toThrow(expect.objectContaining({ code: 'RAFT_BAD_RESTART' }) as RaftError);
  });

  it('a change of membership waits until something is committed in the term, and for the one before', () => {
    elect(m, ['n2']);
    const change = { kind: 'change', changes: [{ op: 'put', id: 'n4', role: 'learner' }], transition: 'auto' } as const;
    expect(() => m.node.proposeConfig(change)).toThrow(expect.objectContaining({ code: 'RAFT_CONFIG_PENDING' }) as RaftError);
    step(m, ack('n2', 1));
    expect(m.node.proposeConfig(change)).toBe(2);
    expect(() => m.node.proposeConfig(change)).toThrow(expect.objectContaining({ code: 'RAFT_CONFIG_PENDING' }) as RaftError);
  });
});

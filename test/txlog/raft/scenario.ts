/**
 * Runs whole Raft conversations written as text. A scenario is a list of blocks: one command a line, then `----`, then the
 * output that is expected, then an empty line. `#` begins a comment. See the files in scenarios/ for the commands.
 */
import { latin1Bytes } from '../../../src/shared/request.ts';
import { EMPTY_CONFIG, firstConfig } from '../../../src/txlog/raft/configuration.ts';
import { RaftError } from '../../../src/txlog/raft/errors.ts';
import type { ConfigChange, Entry, Limits, MemberChange, MemberConfig, MemberRole, PeerMessage, Ready } from '../../../src/txlog/raft/types.ts';
import { SimMember, type SimSnapshot, text } from './sim-member.ts';

function showEntry(entry: Entry): string {
  if (entry.kind !== 'normal') return `${entry.index}/${entry.term}:${entry.kind}`;
  const data = text(entry);
  return `${entry.index}/${entry.term}:${data.length > 20 ? `${data.length}B` : data}`;
}

function showConfig(config: MemberConfig): string {
  const parts = [`voters=${config.voters.join(',')}`];
  if (config.votersOutgoing.length > 0) parts.push(`outgoing=${config.votersOutgoing.join(',')}`);
  if (config.learners.length > 0) parts.push(`learners=${config.learners.join(',')}`);
  if (config.learnersNext.length > 0) parts.push(`learners-next=${config.learnersNext.join(',')}`);
  if (config.logOnly.length > 0) parts.push(`log-only=${config.logOnly.join(',')}`);
  if (config.autoLeave) parts.push('auto-leave');
  return parts.join(' ');
}

function showMessage(message: PeerMessage): string {
  const head = `${message.from}->${message.to} ${message.type} term=${message.term}`;
  switch (message.type) {
    case 'pre-vote':
      return `${head} last=${message.lastIndex}/${message.lastTerm}`;
    case 'vote':
      return `${head} last=${message.lastIndex}/${message.lastTerm}${message.transfer ? ' transfer' : ''}`;
    case 'pre-vote-reply':
    case 'vote-reply':
      return `${head} ${message.granted ? 'granted' : 'refused'}`;
    case 'append':
      return `${head} prev=${message.prevIndex}/${message.prevTerm} [${message.entries.map(showEntry).join(' ')}] commit=${message.commit}`;
    case 'append-reply': {
      const impaired = message.impaired ? ' impaired' : '';
      return message.rejected
        ? `${head} rejected prev=${message.index} hint=${message.hintIndex}/${message.hintTerm}${impaired}`
        : `${head} index=${message.index}${impaired}`;
    }
    case 'heartbeat':
      return `${head} commit=${message.commit} round=${message.round}`;
    case 'heartbeat-reply':
      return `${head} round=${message.round}${message.impaired ? ' impaired' : ''}`;
    case 'snapshot':
      return `${head} snapshot=${message.snapshot.index}/${message.snapshot.term} ${showConfig(message.snapshot.config)}`;
    case 'snapshot-failed':
      return `${head} index=${message.index}`;
    case 'timeout-now':
      return `${head} round=${message.round}`;
    case 'read-index':
      return `${head} context=${message.context}`;
    case 'read-index-reply':
      return `${head} context=${message.context} index=${message.index}`;
  }
}

function showReady(id: string, ready: Ready, out: string[]): void {
  const parts: string[] = [];
  const { softState, hardState, committed } = ready;
  if (softState !== null) parts.push(`${softState.role} term=${softState.term} leader=${softState.leader || '-'}`);
  if (ready.config !== null) parts.push(`config@${ready.config.index} ${showConfig(ready.config.config)}`);
  if (hardState !== null) parts.push(`hard=${hardState.term}/${hardState.vote || '-'}/${hardState.commit}`);
  if (ready.resetTo !== null) parts.push(`reset=${ready.resetTo.index}/${ready.resetTo.term}`);
  if (ready.truncateFrom > 0) parts.push(`truncate=${ready.truncateFrom}`);
  if (ready.entries.length > 0) parts.push(`store=[${ready.entries.map(showEntry).join(' ')}]`);
  if (committed !== null) parts.push(`apply=${committed.from}..${committed.through}${committed.entries.length === 0 ? ' from disk' : ''}`);
  for (const read of ready.reads) parts.push(`read ${read.context}: ${read.index < 0 ? 'ask again' : `at ${read.index}`}`);
  for (const fetch of ready.fetches) parts.push(`fetch ${fetch.from}..${fetch.through} for ${fetch.to}`);
  if (ready.snapshotWanted !== null) parts.push(`wants snapshot ${ready.snapshotWanted.index}/${ready.snapshotWanted.term}`);
  if (ready.healed) parts.push('healed');
  out.push(`${id} ready ${ready.batch}${ready.mustSync ? ' sync' : ''}: ${parts.join('; ')}`);
  for (const message of ready.messages) out.push(`  now  ${showMessage(message)}`);
  for (const message of ready.messagesAfterSync) out.push(`  then ${showMessage(message)}`);
}

class Scenario {
  readonly #members = new Map<string, SimMember>();
  readonly #snapshots = new Map<number, SimSnapshot>();
  readonly #cut = new Set<string>();
  #wire: PeerMessage[] = [];
  #limits: Partial<Limits> = {};
  #caretaker = false;

  #member(id: string | undefined): SimMember {
    const member = this.#members.get(id ?? '');
    if (member === undefined) throw new Error(`no member ${id}`);
    return member;
  }

  /** Runs one command; returns what it shows. */
  run(line: string): string[] {
    const [verb, ...args] = line.split(/\s+/) as [string, ...string[]];
    const out: string[] = [];
    try {
      this.#run(verb, args, out);
    } catch (error) {
      if (!(error instanceof RaftError)) throw error;
      out.push(`${error.code}: ${error.message}`);
    }
    return out;
  }

  #run(verb: string, args: string[], out: string[]): void {
    switch (verb) {
      case 'limits':
        for (const arg of args) {
          const [name, value] = arg.split('=') as [keyof Limits, string];
          this.#limits = { ...this.#limits, [name]: Number(value) };
        }
        return;
      case 'group':
        return this.#group(args);
      case 'caretakers':
        this.#caretaker = true;
        return;
      case 'newcomer':
        this.#members.set(args[0]!, this.#make(args[0]!, EMPTY_CONFIG));
        return;
      case 'tick':
        for (let i = 0; i < Number(args[1] ?? 1); i++) this.#member(args[0]).node.tick();
        return;
      case 'campaign':
        if (!this.#member(args[0]).node.campaign()) out.push('no');
        return;
      case 'propose':
        for (const data of args.slice(1)) {
          const [unit, times] = data.split('*') as [string, string | undefined];
          out.push(`index ${this.#member(args[0]).node.propose(latin1Bytes(unit.repeat(Number(times ?? 1))))}`);
        }
        return;
      case 'config':
        out.push(`index ${this.#member(args[0]).node.proposeConfig(parseChange(args.slice(1)))}`);
        return;
      case 'transfer':
        return this.#member(args[0]).node.transferLeadership(args[1]!);
      case 'read':
        return this.#member(args[0]).node.readIndex(Number(args[1]));
      case 'ready':
        return this.#ready(this.#member(args[0]), out);
      case 'sync':
        while (this.#member(args[0]).pending.length > 0) this.#member(args[0]).syncOne();
        return;
      case 'sync-one':
        return this.#member(args[0]).syncOne();
      case 'deliver-late':
        // The newest message first.
        this.#collect();
        this.#wire.reverse();
        this.#deliver(args[0], out);
        return;
      case 'deliver':
        this.#deliver(args[0], out);
        return;
      case 'settle':
        return this.#settle(args[0] === 'quietly' ? [] : out);
      case 'cut':
        for (const id of args) this.#cut.add(id);
        return;
      case 'mend':
        this.#cut.clear();
        return;
      case 'lose':
        this.#collect();
        this.#wire = this.#wire.filter((message) => args.length > 0 && `${message.from}->${message.to}` !== args[0]);
        return;
      case 'crash':
        this.#member(args[0]).crash();
        this.#wire = this.#wire.filter((message) => message.to !== args[0]);
        return;
      case 'restart':
        return this.#member(args[0]).restart();
      case 'damage': {
        const { disk } = this.#member(args[0]);
        disk.entries = disk.entries.filter((entry) => entry.index < Number(args[1]));
        disk.configs = disk.configs.filter((item) => item.index < Number(args[1]));
        disk.impaired = true;
        return;
      }
      case 'compact': {
        const snapshot = this.#member(args[0]).compact(Number(args[1]));
        this.#snapshots.set(snapshot.meta.index, snapshot);
        return;
      }
      case 'fetch':
        return this.#member(args[0]).answerFetch();
      case 'restore':
        return this.#member(args[0]).restore(this.#snapshots.get(Number(args[1]))!);
      case 'lost-snapshot':
        return this.#member(args[0]).node.step({ type: 'snapshot-lost', index: Number(args[1]) });
      case 'status':
        for (const id of args) this.#status(this.#member(id), out);
        return;
      case 'log':
        for (const id of args) {
          const { disk } = this.#member(id);
          out.push(`${id}: after ${disk.compacted.index}/${disk.compacted.term} [${disk.entries.map(showEntry).join(' ')}]`);
        }
        return;
      default:
        throw new Error(`unknown command ${verb}`);
    }
  }

  #make(id: string, config: MemberConfig): SimMember {
    // Different but fixed: the first member of a group has the shortest election timeout.
    const fraction = (this.#members.size % 5) / 5;
    return new SimMember({ id, config, limits: this.#limits, random: () => fraction, caretaker: this.#caretaker });
  }

  #group(args: string[]): void {
    const config = firstConfig(
      args.map((arg) => {
        const [id, role] = arg.split('=') as [string, MemberRole | undefined];
        return { id, role: role ?? 'voter' };
      }),
    );
    for (const arg of args) {
      const id = arg.split('=')[0]!;
      this.#members.set(id, this.#make(id, config));
    }
  }

  #ready(member: SimMember, out: string[]): void {
    const ready = member.takeReady();
    if (ready === null) out.push('nothing');
    else showReady(member.id, ready, out);
  }

  #collect(): void {
    for (const member of this.#members.values()) this.#wire.push(...member.takeMessages());
  }

  /** Delivers all messages on the wire, or those of one direction ("n1->n2"). Whether there were any. */
  #deliver(direction: string | undefined, out: string[]): boolean {
    this.#collect();
    const wire = this.#wire;
    this.#wire = [];
    let any = false;
    for (const message of wire) {
      if (direction !== undefined && `${message.from}->${message.to}` !== direction) {
        this.#wire.push(message);
        continue;
      }
      any = true;
      const target = this.#members.get(message.to);
      const lost = target === undefined || !target.up || this.#cut.has(message.from) || this.#cut.has(message.to);
      out.push(`${lost ? 'lost ' : ''}${showMessage(message)}`);
      if (!lost) target.node.step(message);
    }
    return any;
  }

  #settle(out: string[]): void {
    for (let turn = 0; turn < 200; turn++) {
      let busy = false;
      for (const member of this.#members.values()) {
        if (!member.up) continue;
        for (let ready = member.takeReady(); ready !== null; ready = member.takeReady()) {
          busy = true;
          showReady(member.id, ready, out);
        }
        if (member.pending.length > 0) busy = true;
        while (member.pending.length > 0) member.syncOne();
        while (member.fetches.length > 0) {
          busy = true;
          member.answerFetch();
        }
      }
      if (this.#deliver(undefined, out)) busy = true;
      if (!busy) return;
    }
    throw new Error('does not settle');
  }

  #status(member: SimMember, out: string[]): void {
    const s = member.node.status();
    const lease = s.leaseUntilTick > s.tickCount ? ` lease=${s.leaseUntilTick - s.tickCount}` : '';
    const more = `${s.impaired ? ' impaired' : ''}${s.transferringTo ? ` transferring=${s.transferringTo}` : ''}`;
    out.push(
      `${s.id}: ${s.role} term=${s.term} leader=${s.leader || '-'} log=${s.firstIndex}..${s.lastIndex} synced=${s.syncedIndex} commit=${s.commitIndex} applied=${s.appliedIndex}${lease}${more}`,
    );
    for (const p of s.peers) {
      out.push(`  ${p.id}: ${p.state} match=${p.match} next=${p.next} inflight=${p.inflightMessages}${p.impaired ? ' impaired' : ''}`);
    }
  }
}

/** `put n4 learner, remove n1, joint` or `leave`. */
function parseChange(words: string[]): ConfigChange {
  if (words[0] === 'leave') return { kind: 'leave' };
  let transition: 'auto' | 'joint' | 'joint-explicit' = 'auto';
  const changes: MemberChange[] = [];
  for (const part of words.join(' ').split(', ')) {
    const [verb, id, role] = part.split(' ') as [string, string, MemberRole];
    if (verb === 'put') changes.push({ op: 'put', id, role });
    else if (verb === 'remove') changes.push({ op: 'remove', id });
    else transition = verb as typeof transition;
  }
  return { kind: 'change', changes, transition };
}

/** Runs a scenario and returns it with the outputs that it really has. */
export function playScenario(source: string): string {
  const scenario = new Scenario();
  const out: string[] = [];
  let commands: string[] = [];
  let inOutput = false;
  for (const line of source.split('\n')) {
    if (inOutput) {
      if (line !== '') continue;
      inOutput = false;
    }
    if (line === '----') {
      out.push(line);
      for (const command of commands) out.push(...scenario.run(command));
      commands = [];
      inOutput = true;
      continue;
    }
    out.push(line);
    if (line !== '' && !line.startsWith('#')) commands.push(line.trim());
  }
  if (commands.length > 0) throw new Error(`commands without "----": ${commands.join('; ')}`);
  return out.join('\n');
}

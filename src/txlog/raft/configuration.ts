/**
 * Configurations: how a change makes a new one from the old (Raft §6, thesis §4), how they are written into entries, and
 * the history of those in the log. Must never send messages or count votes.
 */
import { InvariantViolation, invariant } from '../../shared/errors.ts';
import { latin1Bytes, latin1Slice } from '../../shared/request.ts';
import { RaftError } from './errors.ts';
import type { ConfigAt, ConfigChange, MemberChange, MemberConfig, MemberRole } from './types.ts';

const ID_PATTERN = /^[A-Za-z0-9._:-]{1,64}$/;
const LABEL_CHARS_MAX = 512;

export const EMPTY_CONFIG: MemberConfig = {
  voters: [],
  votersOutgoing: [],
  learners: [],
  learnersNext: [],
  logOnly: [],
  autoLeave: false,
  labels: {},
};

/** The first configuration of a new group. Throws RaftError RAFT_CONFIG_INVALID. */
export function firstConfig(members: readonly { id: string; role: MemberRole; label?: string }[]): MemberConfig {
  const draft = new Draft(EMPTY_CONFIG);
  for (const member of members) draft.put(member.id, member.role, member.label);
  const config = draft.finish([], [], false);
  checkConfig(config, Infinity);
  return config;
}

export function isJoint(config: MemberConfig): boolean {
  return config.votersOutgoing.length > 0;
}

export function isVoter(config: MemberConfig, id: string): boolean {
  return config.voters.includes(id) || config.votersOutgoing.includes(id);
}

/** Whether leadership may be handed to `id`: a voter with an engine that is not on its way out. */
export function mayLead(config: MemberConfig, id: string): boolean {
  return config.voters.includes(id) && !config.logOnly.includes(id);
}

/**
 * Whether `id` may start elections by this configuration: as `mayLead`, but in a joint one those on their way out may as
 * well. They can be the only ones that have the joint entry; such a leader completes the change and then steps down.
 */
function mayCampaignBy(config: MemberConfig, id: string): boolean {
  return isVoter(config, id) && !config.logOnly.includes(id);
}

/** Everybody who gets the log, sorted. */
export function memberIds(config: MemberConfig): string[] {
  return sortedSet([...config.voters, ...config.votersOutgoing, ...config.learners]);
}

function sortedSet(ids: readonly string[]): string[] {
  return [...new Set(ids)].sort();
}

/** A configuration being put together: who has which role once the change is complete. */
class Draft {
  readonly #roles = new Map<string, MemberRole>();
  readonly #labels = new Map<string, string>();

  constructor(config: MemberConfig) {
    for (const id of config.voters) this.#roles.set(id, config.logOnly.includes(id) ? 'log-only' : 'voter');
    for (const id of config.learners) this.#roles.set(id, 'learner');
    for (const [id, label] of Object.entries(config.labels)) this.#labels.set(id, label);
  }

  put(id: string, role: MemberRole, label: string | undefined): void {
    if (!ID_PATTERN.test(id)) throw new RaftError('RAFT_CONFIG_INVALID', `bad member id ${JSON.stringify(id)}`);
    if (label !== undefined && !isLabel(label)) throw new RaftError('RAFT_CONFIG_INVALID', `bad label of ${id}`);
    this.#roles.set(id, role);
    if (label !== undefined) this.#labels.set(id, label);
  }

  remove(id: string): void {
    if (!this.#roles.delete(id)) throw new RaftError('RAFT_CONFIG_INVALID', `${id} is no member`);
  }

  /** The result; joint if `outgoing` has members, of which `outgoingLogOnly` are log-only. */
  finish(outgoing: readonly string[], outgoingLogOnly: readonly string[], autoLeave: boolean): MemberConfig {
    const voters: string[] = [];
    const learners: string[] = [];
    const learnersNext: string[] = [];
    const logOnly: string[] = [];
    for (const [id, role] of this.#roles) {
      if (role === 'learner') (outgoing.includes(id) ? learnersNext : learners).push(id);
      else voters.push(id);
      if (role === 'log-only') logOnly.push(id);
    }
    for (const id of outgoingLogOnly) if (!voters.includes(id)) logOnly.push(id);
    const labels: Record<string, string> = {};
    for (const id of sortedSet([...voters, ...outgoing, ...learners, ...learnersNext])) {
      const label = this.#labels.get(id);
      if (label !== undefined) labels[id] = label;
    }
    return {
      voters: sortedSet(voters),
      votersOutgoing: sortedSet(outgoing),
      learners: sortedSet(learners),
      learnersNext: sortedSet(learnersNext),
      logOnly: sortedSet(logOnly),
      autoLeave,
      labels,
    };
  }
}

function isLabel(label: string): boolean {
  if (label.length > LABEL_CHARS_MAX) return false;
  for (let i = 0; i < label.length; i++) if (label.charCodeAt(i) > 255) return false;
  return true;
}

/** What comes after `config` by `change`. Throws RaftError RAFT_CONFIG_INVALID. */
export function changeConfig(config: MemberConfig, change: ConfigChange, membersMax: number): MemberConfig {
  if (change.kind === 'leave') {
    if (!isJoint(config)) throw new RaftError('RAFT_CONFIG_INVALID', 'not joint, nothing to leave');
    return leaveJoint(config);
  }
  if (isJoint(config)) throw new RaftError('RAFT_CONFIG_INVALID', 'joint: only leaving is possible');
  if (change.changes.length === 0) throw new RaftError('RAFT_CONFIG_INVALID', 'no change');
  const draft = applyChanges(config, change.changes);
  const simple = draft.finish([], [], false);
  const next =
    change.transition === 'auto' && votersDiffering(config, simple) <= 1
      ? simple
      : draft.finish(config.voters, config.logOnly, change.transition !== 'joint-explicit');
  checkConfig(next, membersMax);
  return next;
}

function applyChanges(config: MemberConfig, changes: readonly MemberChange[]): Draft {
  const draft = new Draft(config);
  const seen = new Set<string>();
  for (const change of changes) {
    if (seen.has(change.id)) throw new RaftError('RAFT_CONFIG_INVALID', `${change.id} is changed twice`);
    seen.add(change.id);
    if (change.op === 'remove') draft.remove(change.id);
    else draft.put(change.id, change.role, change.label);
  }
  return draft;
}

/** How many voters come or go. With at most one any majority of the old meets any of the new (thesis §4.1). */
function votersDiffering(from: MemberConfig, to: MemberConfig): number {
  let count = 0;
  for (const id of to.voters) if (!from.voters.includes(id)) count++;
  for (const id of from.voters) if (!to.voters.includes(id)) count++;
  return count;
}

/** C_new of a joint configuration (Raft §6). */
export function leaveJoint(config: MemberConfig): MemberConfig {
  const learners = sortedSet([...config.learners, ...config.learnersNext]);
  const labels: Record<string, string> = {};
  for (const id of sortedSet([...config.voters, ...learners])) {
    const label = config.labels[id];
    if (label !== undefined) labels[id] = label;
  }
  return {
    voters: config.voters,
    votersOutgoing: [],
    learners,
    learnersNext: [],
    logOnly: config.logOnly.filter((id) => config.voters.includes(id)),
    autoLeave: false,
    labels,
  };
}

function checkConfig(config: MemberConfig, membersMax: number): void {
  if (memberIds(config).length > membersMax) throw new RaftError('RAFT_CONFIG_INVALID', `more than ${membersMax} members`);
  if (!config.voters.some((id) => mayLead(config, id))) throw new RaftError('RAFT_CONFIG_INVALID', 'nobody could lead');
}

/** The data of a `config` entry. JSON, so that a stored log stays legible to people and to later versions. */
export function encodeConfig(config: MemberConfig): Uint8Array {
  return latin1Bytes(JSON.stringify(config));
}

/** Reads what `encodeConfig` wrote. Throws RaftError RAFT_BAD_MESSAGE for anything else. */
export function decodeConfig(data: Uint8Array): MemberConfig {
  let parsed: unknown;
  try {
    parsed = JSON.parse(latin1Slice(data, 0, data.length));
  } catch {
    throw new RaftError('RAFT_BAD_MESSAGE', 'a configuration entry is not JSON');
  }
  const config = parsed as MemberConfig;
  const ok =
    typeof parsed === 'object' &&
    parsed !== null &&
    isIds(config.voters) &&
    isIds(config.votersOutgoing) &&
    isIds(config.learners) &&
    isIds(config.learnersNext) &&
    isIds(config.logOnly) &&
    typeof config.autoLeave === 'boolean' &&
    isLabels(config.labels);
  if (!ok) throw new RaftError('RAFT_BAD_MESSAGE', 'a configuration entry lacks fields');
  return config;
}

/** What is not latin1 could not be written out again. */
function isLabels(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.values(value).every((label) => typeof label === 'string' && isLabel(label));
}

/** Sorted and without duplicates, as everything that counts or walks members relies on. */
function isIds(value: unknown): boolean {
  if (!Array.isArray(value)) return false;
  for (let i = 0; i < value.length; i++) {
    const id: unknown = value[i];
    if (typeof id !== 'string' || !ID_PATTERN.test(id)) return false;
    if (i > 0 && (value[i - 1] as string) >= id) return false;
  }
  return true;
}

/**
 * The configurations of the log. Invariants: ascending by index; never empty; the first stands at or before the log's
 * compacted index, all others behind it; the last is the one in force, whether committed or not (Raft §6).
 */
export class ConfigHistory {
  #items: ConfigAt[];

  constructor(items: readonly ConfigAt[]) {
    if (items.length === 0) throw new InvariantViolation('no configuration to start from');
    for (let i = 1; i < items.length; i++) invariant(items[i - 1]!.index < items[i]!.index, 'configurations out of order');
    this.#items = [...items];
  }

  get current(): ConfigAt {
    return this.#items[this.#items.length - 1]!;
  }

  /**
   * Whether `id` may start elections. While the newest configuration is not known to be committed, a voter of the one before
   * may too: it can be the only one with the entry that removes it, and all others would vote for it alone (thesis §4.2.2).
   * It cannot vote for itself, and once the entry is committed it steps down.
   */
  mayCampaign(id: string, commitIndex: number): boolean {
    const { index, config } = this.current;
    if (mayCampaignBy(config, id)) return true;
    if (index <= commitIndex || config.logOnly.includes(id)) return false;
    return mayCampaignBy(this.at(index - 1).config, id);
  }

  /** The configuration in force at `index` of the log. */
  at(index: number): ConfigAt {
    for (let i = this.#items.length - 1; i > 0; i--) if (this.#items[i]!.index <= index) return this.#items[i]!;
    return this.#items[0]!;
  }

  push(index: number, config: MemberConfig): void {
    invariant(index > this.current.index, 'a configuration older than the current one');
    this.#items.push({ index, config });
  }

  /** The log lost its entries from `index` on, and the configurations in them. */
  truncateFrom(index: number): void {
    while (this.current.index >= index) {
      this.#items.pop();
      invariant(this.#items.length > 0, 'the last configuration was truncated');
    }
  }

  compact(through: number): void {
    const kept = this.at(through);
    this.#items = this.#items.filter((item) => item === kept || item.index > through);
  }

  reset(item: ConfigAt): void {
    this.#items = [item];
  }
}

/**
 * Who may do what on this node: the users of its directives, the authentication of connections, what becomes of connections
 * whose user has changed, and the log of denials. What users are and may do stands in engine/acl.
 */
import { timingSafeEqual } from 'node:crypto';
import { resolve } from 'node:path';
import { Denial, type DenialContext, denied } from '../engine/acl/permission.ts';
import { FAULT_TEXTS } from '../engine/acl/rule-fault.ts';
import { hasSpaces } from '../engine/acl/selector.ts';
import { User, type UserWords } from '../engine/acl/user.ts';
import { DEFAULT_USER, DEFAULT_WORDS } from '../engine/acl/users.ts';
import type { Command } from '../engine/command.ts';
import type { Session } from '../engine/session.ts';
import { CommandError, OperationalError } from '../shared/errors.ts';
import { type Request, latin1Bytes } from '../shared/request.ts';
import { readAclFile, writeAclFile } from './acl-file.ts';
import { AclLog, DENIAL_REASONS } from './acl-log.ts';
import { applyRule, joinSelectors, passwordHash } from './acl-rules.ts';
import { describeClient } from './commands/client-list.ts';
import type { Connection } from './connection.ts';
import type { Server } from './server.ts';
import type { UsersFile } from './users-file.ts';

export class AccessControl {
  readonly log = new AclLog();
  /** Whether those who have not authenticated may do nothing: the default user has a password, or is off. */
  authRequired = false;
  /** Whose command changes users at the moment: its connection is closed only behind the reply. */
  actor: Connection | null = null;
  readonly #server: Server;
  #file: UsersFile | null = null;

  constructor(server: Server) {
    this.#server = server;
    const { engine } = server;
    engine.users.onChange = () => this.#usersChanged();
    engine.onDenied = (denial, context, session, command, request) => this.#denied(denial, context, session, command, request);
    engine.users.direct(this.#directedUsers());
  }

  // ---- Users of directives ----

  /** Whether new users may use all channels. */
  get allChannels(): boolean {
    return this.#server.config.string('acl-pubsub-default') === 'allchannels';
  }

  newUser(name: string): User {
    return new User(name, this.#server.engine.table, this.allChannels);
  }

  /** Path of the ACL file, or ''. */
  get aclFile(): string {
    const { config } = this.#server;
    const name = config.string('aclfile');
    return name === '' ? '' : resolve(config.string('dir'), name);
  }

  /** @throws OperationalError BAD_USERS */
  #directedUsers(): Map<string, UserWords> {
    const { config } = this.#server;
    if (config.users.length > 0 && this.aclFile !== '') {
      throw new OperationalError('BAD_USERS', 'users stand in the configuration file and in an ACL file: define them in one place, so that it is clear which of them count');
    }
    const users = new Map([[DEFAULT_USER, this.#defaultWords(config.string('requirepass'))]]);
    for (const { name, words } of config.users) users.set(name, this.#directedUser(name, words).words());
    if (this.aclFile === '') return users;
    try {
      return this.readAclFile();
    } catch (error) {
      throw error instanceof CommandError ? new OperationalError('BAD_USERS', error.message.replace('ERR ', '')) : error;
    }
  }

  #directedUser(name: string, words: readonly string[]): User {
    const wrong = (rule: string, why: string): OperationalError => new OperationalError('BAD_USERS', `Error loading ACL rule '${rule}' for the user named '${name}': ${why}`);
    if (hasSpaces(name)) throw wrong(name, 'Spaces not allowed in ACL usernames');
    const user = this.newUser(name);
    const rules = joinSelectors(words);
    if ('unmatched' in rules) throw wrong(rules.unmatched, 'Unmatched parenthesis in acl selector');
    for (const rule of rules) {
      const fault = applyRule(user, rule);
      if (fault !== null) throw wrong(rule, FAULT_TEXTS[fault]);
    }
    if (!user.enabled) this.#server.log.notice(`The user '${name}' is disabled (there is no 'on' modifier in the user description). Make sure this is not a configuration error.`);
    return user;
  }

  #defaultWords(password: string): UserWords {
    const user = User.of(DEFAULT_USER, DEFAULT_WORDS, this.#server.engine.table)!;
    return this.withPassword(user, password).words();
  }

  /** The user with this password alone, or with none ('': any will do). */
  withPassword(user: User, password: string): User {
    const out = user.copy(this.allChannels);
    for (const rule of password === '' ? ['resetpass', 'nopass'] : ['resetpass', `#${passwordHash(password)}`]) out.apply(rule);
    return out;
  }

  /** requirepass was changed where the log has no users. */
  directPassword(password: string): void {
    const { users } = this.#server.engine;
    const words = this.withPassword(users.default, password).words();
    users.direct(new Map([...users.entries(), [DEFAULT_USER, words]]));
  }

  /** The users of the ACL file. @throws CommandError */
  readAclFile(): Map<string, UserWords> {
    const users = new Map<string, UserWords>();
    for (const [name, user] of readAclFile(this.aclFile, (name) => this.newUser(name))) users.set(name, user.words());
    if (!users.has(DEFAULT_USER)) users.set(DEFAULT_USER, DEFAULT_WORDS);
    return users;
  }

  /** @throws Error of the file system */
  writeAclFile(): void {
    writeAclFile(this.aclFile, this.all());
  }

  /** All users, by the order of their names. */
  all(): User[] {
    const { users } = this.#server.engine;
    return users.names().map((name) => users.get(name)!);
  }

  // ---- What this member remembers ----

  /** Goes by what `file` holds until the data is loaded, and keeps it up to date. */
  rememberIn(file: UsersFile): void {
    const { users } = this.#server.engine;
    const known = file.read();
    this.#file = file;
    if (known !== null) users.remember(known);
  }

  /** The data is loaded. */
  loaded(): void {
    const { config, log, engine } = this.#server;
    engine.users.loaded();
    if (!engine.users.areLogged) this.#file?.remove();
    else if (config.users.length > 0 || config.string('requirepass') !== '') {
      log.notice("Users are those of the shard's log, where they were changed at run time: 'user' and 'requirepass' of the configuration do not count");
    }
  }

  // ---- Connections ----

  /** A new connection, or one that was reset. */
  begin(connection: Connection): void {
    this.assign(connection, this.#server.engine.users.default);
    this.#setAuthenticated(connection, !this.authRequired);
  }

  assign(connection: Connection, user: User): void {
    connection.account = user;
    connection.session.restrictedTo = user.isUnrestricted ? null : user;
  }

  /** A client of another member, which has authenticated it. Here it may do what its user may here: nothing, if it is not known. */
  assignProxied(connection: Connection, name: string): void {
    this.assign(connection, this.#server.engine.users.get(name) ?? this.newUser(name));
    this.#setAuthenticated(connection, true);
  }

  /** Whether the client is that user's from now on. @param request the command by which it was tried */
  authenticate(connection: Connection, name: string, password: string, request: Request): boolean {
    if (connection.hops > 0) {
      this.assignProxied(connection, name);
      return true;
    }
    const user = this.#server.engine.users.get(name);
    if (user === undefined || !user.enabled || !(user.nopass || hasPassword(user, password))) {
      this.#server.statistics.authenticationsDenied++;
      this.#note(connection, Denial.authentication, connection.session.queue === null ? 'toplevel' : 'multi', request.string(0), name);
      return false;
    }
    this.assign(connection, user);
    this.#setAuthenticated(connection, true);
    return true;
  }

  #setAuthenticated(connection: Connection, isAuthenticated: boolean): void {
    connection.authenticated = isAuthenticated;
    connection.parser.authenticated = isAuthenticated || !this.authRequired;
  }

  #usersChanged(): void {
    const { engine, connections } = this.#server;
    const user = engine.users.default;
    this.authRequired = !user.nopass || !user.enabled;
    if (engine.users.areLogged) this.#file?.write(engine.users.entries());
    for (const connection of [...connections.values()]) this.#follow(connection);
  }

  /** Gives a connection its user as it is now, or ends it: the user is gone, or may not listen any more to what it listens to. */
  #follow(connection: Connection): void {
    const before = connection.account;
    const user = this.#server.engine.users.get(before.name);
    if (user !== undefined && !(losesChannels(before, user) && listensBeyond(connection, user))) {
      this.assign(connection, user);
      connection.parser.authenticated = connection.authenticated || !this.authRequired;
      return;
    }
    this.begin(connection);
    this.#setAuthenticated(connection, false);
    if (connection === this.actor) connection.closeAfterReplies();
    else connection.close();
  }

  // ---- Denials ----

  #denied(denial: number, context: DenialContext, session: Session, command: Command, request: Request): void {
    const { statistics, connections } = this.#server;
    if (denial === Denial.command) statistics.commandsDenied++;
    else if (denial === Denial.key) statistics.keysDenied++;
    else statistics.channelsDenied++;
    const connection = connections.get(session.id);
    if (connection === undefined) return;
    this.#note(connection, denial, context, denial === Denial.command ? command.name : request.string(denied.at), connection.user);
  }

  #note(connection: Connection, denial: number, context: DenialContext, object: string, username: string): void {
    const clientInfo = describeClient(this.#server, null, connection);
    this.log.add({ reason: DENIAL_REASONS[denial]!, context, object, username, clientInfo }, this.#server.nowMs);
  }
}

/** Compares hashes in a time that tells nothing of them. */
function hasPassword(user: User, password: string): boolean {
  const hash = latin1Bytes(passwordHash(password));
  let found = false;
  for (const known of user.passwords) if (timingSafeEqual(hash, latin1Bytes(known))) found = true;
  return found;
}

/** Whether a user may not everything any more on channels that it might before. */
function losesChannels(before: User, now: User): boolean {
  if (before === now || now.selectors.some((selector) => selector.allChannels)) return false;
  const patterns = new Set(now.selectors.flatMap((selector) => selector.channelPatterns));
  return before.selectors.some((selector) => selector.allChannels || selector.channelPatterns.some((pattern) => !patterns.has(pattern)));
}

function listensBeyond({ subscriptions }: Connection, user: User): boolean {
  const mayNot = (isPattern: boolean) => (name: string): boolean => !user.selectors.some((selector) => selector.allowsChannel(name, isPattern));
  return [...subscriptions.channel, ...subscriptions.shard].some(mayNot(false)) || [...subscriptions.pattern].some(mayNot(true));
}

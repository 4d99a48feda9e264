/**
 * What two members say before they trust each other, as bytes, and the proofs that they know the cluster's secret.
 * Must never believe a length, and never compare a proof in a time that depends on it.
 *
 *   dialer                                     acceptor
 *     hello: who I am, a nonce           →
 *                                        ←     hello: who I am, a nonce
 *     proof (of a stream: which)         →
 *                                        ←     accept: proof, number
 *     go: number                         →                               only if the dialer decides on the connection
 *
 * The dialer proves itself first: whoever just connects gets nothing from which the secret could be guessed. A proof is an
 * HMAC-SHA256 by the secret over both hellos (so over both nonces, ids, versions and cluster ids), over key material of the TLS
 * connection if there is one, and over what stands beside it; each side's begins with another word, so that none can be sent back.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { PeerError } from './peer-errors.ts';

/** Versions of the protocol that this program speaks. */
export const VERSION_MIN = 1;
export const VERSION_MAX = 1;

export const HandshakeType = { hello: 1, reply: 2, proof: 3, accept: 4, go: 5, refusal: 6 } as const;
export type HandshakeType = (typeof HandshakeType)[keyof typeof HandshakeType];

/** Length (2 bytes) and type in front of each message. */
export const HANDSHAKE_HEAD_BYTES = 3;
const MAGIC = Buffer.from('HOLDPEER', 'latin1');
export const NONCE_BYTES = 32;
export const INSTANCE_BYTES = 8;
export const PROOF_BYTES = 32;
const STREAM_BYTES_MAX = 8 * 1024;

/** What a connection is for. */
export const Purpose = { messages: 1, stream: 2, ask: 3 } as const;
export type Purpose = (typeof Purpose)[keyof typeof Purpose];

/** Nobody can make the other side hold more than this before it has proved itself. */
export function handshakeBytesMax(type: number): number {
  switch (type) {
    case HandshakeType.hello:
    case HandshakeType.reply:
      return 512;
    case HandshakeType.proof:
      return PROOF_BYTES + STREAM_BYTES_MAX;
    case HandshakeType.accept:
      return PROOF_BYTES + 8;
    case HandshakeType.go:
      return 8;
    case HandshakeType.refusal:
      return 512;
    default:
      return -1;
  }
}

export interface Hello {
  readonly versionMin: number;
  readonly versionMax: number;
  readonly purpose: Purpose;
  readonly formatVersion: number;
  readonly nonce: Buffer;
  /** Random, drawn once by each transport: tells a restarted member from the one before. */
  readonly instance: string;
  readonly memberId: string;
  readonly clusterId: string;
  /** Who is thought to listen; '' if that is not known. In a reply ''. */
  readonly expectedId: string;
}

/** A message with its head. */
export function handshakeMessage(type: HandshakeType, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  const head = Buffer.alloc(HANDSHAKE_HEAD_BYTES);
  head.writeUInt16BE(body.length, 0);
  head[2] = type;
  return Buffer.concat([head, body]);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1');
  return Buffer.concat([Buffer.of(bytes.length), bytes]);
}

/** The body of a hello, and of the reply to one. */
export function encodeHello(hello: Hello): Buffer {
  const numbers = Buffer.alloc(7);
  numbers[0] = hello.versionMin;
  numbers[1] = hello.versionMax;
  numbers[2] = hello.purpose;
  numbers.writeUInt32BE(hello.formatVersion, 3);
  const instance = Buffer.from(hello.instance, 'hex');
  return Buffer.concat([MAGIC, numbers, hello.nonce, instance, text(hello.memberId), text(hello.clusterId), text(hello.expectedId)]);
}

class Cursor {
  readonly #body: Buffer;
  #at = 0;

  constructor(body: Buffer) {
    this.#body = body;
  }

  take(bytes: number): Buffer {
    if (bytes > this.#body.length - this.#at) throw new PeerError('PEER_HANDSHAKE', 'a message of the handshake is too short');
    this.#at += bytes;
    return this.#body.subarray(this.#at - bytes, this.#at);
  }

  text(): string {
    return this.take(this.take(1)[0]!).toString('latin1');
  }

  end(): void {
    if (this.#at !== this.#body.length) throw new PeerError('PEER_HANDSHAKE', 'a message of the handshake is too long');
  }
}

const ID_PATTERN = /^[A-Za-z0-9._:-]{1,64}$/;
const CLUSTER_ID_PATTERN = /^([0-9a-f]{40})?$/;

export function isMemberId(id: string): boolean {
  return ID_PATTERN.test(id);
}

export function isClusterId(id: string): boolean {
  return CLUSTER_ID_PATTERN.test(id);
}

/** @throws PeerError PEER_HANDSHAKE */
export function decodeHello(body: Buffer): Hello {
  const cursor = new Cursor(body);
  if (!cursor.take(MAGIC.length).equals(MAGIC)) throw new PeerError('PEER_HANDSHAKE', 'what connected is no member');
  const numbers = cursor.take(7);
  const purpose = numbers[2]!;
  const hello: Hello = {
    versionMin: numbers[0]!,
    versionMax: numbers[1]!,
    purpose: purpose as Purpose,
    formatVersion: numbers.readUInt32BE(3),
    nonce: Buffer.from(cursor.take(NONCE_BYTES)),
    instance: cursor.take(INSTANCE_BYTES).toString('hex'),
    memberId: cursor.text(),
    clusterId: cursor.text(),
    expectedId: cursor.text(),
  };
  // A later version may say more than this one reads.
  if (hello.versionMax <= VERSION_MAX) cursor.end();
  const known = purpose >= Purpose.messages && purpose <= Purpose.ask;
  if (!known || !isMemberId(hello.memberId) || !isClusterId(hello.clusterId)) throw new PeerError('PEER_HANDSHAKE', 'a hello is malformed');
  return hello;
}

/** The newest version that both speak. @throws PeerError PEER_VERSION */
export function commonVersion(hello: Hello): number {
  const version = Math.min(hello.versionMax, VERSION_MAX);
  if (version < hello.versionMin || version < VERSION_MIN) {
    const theirs = `${hello.versionMin} to ${hello.versionMax}`;
    throw new PeerError('PEER_VERSION', `${hello.memberId} speaks versions ${theirs} of the protocol, this member ${VERSION_MIN} to ${VERSION_MAX}`);
  }
  return version;
}

/** Proof of the side named by `who`. `beside` is what stands beside it in its message. */
export function proofOf(secret: string, who: 'dialer' | 'acceptor', hellos: Buffer, binding: Buffer, beside: Uint8Array): Buffer {
  const hmac = createHmac('sha256', secret);
  // All lengths are fixed or stand in the hellos but that of `beside`, which comes last.
  hmac.update(who.padEnd(8)).update(Buffer.of(binding.length)).update(binding).update(hellos).update(beside);
  return hmac.digest();
}

export function proves(proof: Buffer, expected: Buffer): boolean {
  return proof.length === expected.length && timingSafeEqual(proof, expected);
}

export function encodeNumber(n: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(n));
  return bytes;
}

export function decodeNumber(bytes: Buffer): number {
  if (bytes.length !== 8) throw new PeerError('PEER_HANDSHAKE', 'a message of the handshake has a wrong length');
  return Number(bytes.readBigUInt64BE());
}

export function encodeRefusal(error: PeerError): Buffer {
  return Buffer.concat([text(error.code), text(error.message.slice(0, 255))]);
}

export function decodeRefusal(body: Buffer): { code: string; message: string } {
  const cursor = new Cursor(body);
  return { code: cursor.text(), message: cursor.text() };
}

export interface StreamRequest {
  readonly kind: string;
  readonly header: Readonly<Record<string, string | number>>;
}

/** @throws PeerError PEER_PROTOCOL if it is too large */
export function encodeStreamRequest(request: StreamRequest): Buffer {
  const bytes = Buffer.from(JSON.stringify(request), 'utf8');
  if (bytes.length > STREAM_BYTES_MAX) throw new PeerError('PEER_PROTOCOL', `the header of a stream has ${bytes.length} bytes`);
  return bytes;
}

/** @throws PeerError PEER_HANDSHAKE */
export function decodeStreamRequest(body: Buffer): StreamRequest {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body.toString('utf8'));
  } catch (cause) {
    throw new PeerError('PEER_HANDSHAKE', 'the header of a stream is not JSON', cause);
  }
  const { kind, header } = (parsed ?? {}) as Partial<StreamRequest>;
  const flat = typeof header === 'object' && header !== null && Object.values(header).every((value) => typeof value === 'string' || typeof value === 'number');
  if (typeof kind !== 'string' || !flat) throw new PeerError('PEER_HANDSHAKE', 'the header of a stream is malformed');
  return { kind, header };
}

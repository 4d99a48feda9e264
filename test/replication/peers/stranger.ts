/** Somebody at the members' port who speaks the handshake by hand, as far as he can or wants to. */
import { randomBytes } from 'node:crypto';
import net from 'node:net';
import {
  HANDSHAKE_HEAD_BYTES, HandshakeType, Purpose, decodeHello, decodeRefusal, encodeHello, handshakeMessage, proofOf, type Hello,
} from '../../../src/replication/peers/handshake-messages.ts';
import { CLUSTER } from './peer-rig.ts';

export const HELLO: Hello = {
  versionMin: 1, versionMax: 1, purpose: Purpose.messages, formatVersion: 1, nonce: randomBytes(32), instance: '0123456789abcdef', memberId: 'n9',
  clusterId: CLUSTER, expectedId: '',
};

interface Said {
  readonly type: number;
  readonly body: Buffer;
}

export class Stranger {
  readonly socket: net.Socket;
  readonly ended: Promise<void>;
  #received = Buffer.alloc(0);
  #wake = (): void => undefined;
  #closed = false;

  constructor(port: number) {
    this.socket = net.connect({ port, host: '127.0.0.1' });
    this.socket.on('data', (piece) => {
      this.#received = Buffer.concat([this.#received, piece]);
      this.#wake();
    });
    this.socket.on('error', () => undefined);
    this.ended = new Promise((resolve) => {
      this.socket.on('close', () => {
        this.#closed = true;
        this.#wake();
        resolve();
      });
    });
  }

  /** All bytes that came and were not heard yet. */
  get unheard(): Buffer {
    return this.#received;
  }

  /** The next message of the handshake, or null if the connection ended without one. */
  async hear(): Promise<Said | null> {
    for (;;) {
      const whole = HANDSHAKE_HEAD_BYTES + (this.#received.length >= 2 ? this.#received.readUInt16BE(0) : 0);
      if (this.#received.length >= Math.max(HANDSHAKE_HEAD_BYTES, whole)) {
        const said = { type: this.#received[2]!, body: this.#received.subarray(HANDSHAKE_HEAD_BYTES, whole) };
        this.#received = this.#received.subarray(whole);
        return said;
      }
      if (this.#closed) return null;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Code of the refusal that comes next; '' if the connection ends without a word. */
  async refusal(): Promise<string> {
    const said = await this.hear();
    if (said === null) return '';
    return said.type === HandshakeType.refusal ? decodeRefusal(said.body).code : `message ${said.type}`;
  }

  /** Says hello and proves to know `secret`; `twist` may change the proof. Null if the hello was refused. */
  async introduce(secret: string, hello: Hello = HELLO, beside: Uint8Array = Buffer.alloc(0), twist = (proof: Buffer): Buffer => proof): Promise<Hello | null> {
    const own = encodeHello(hello);
    this.socket.write(handshakeMessage(HandshakeType.hello, own));
    const reply = await this.hear();
    if (reply === null || reply.type !== HandshakeType.reply) return null;
    const proof = proofOf(secret, 'dialer', Buffer.concat([own, reply.body]), Buffer.alloc(0), beside);
    this.socket.write(handshakeMessage(HandshakeType.proof, twist(proof), beside));
    return decodeHello(reply.body);
  }

  close(): void {
    this.socket.destroy();
  }
}

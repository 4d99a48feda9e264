/** What can go wrong between members. */
import { OperationalError } from '../../shared/errors.ts';

export type PeerErrorCode =
  | 'PEER_LISTEN_FAILED'
  /** No secret was given, and neither certificates nor loopback addresses stand in for it. */
  | 'PEER_SECRET_MISSING'
  | 'PEER_TLS_INVALID'
  /** The other side has another secret. */
  | 'PEER_SECRET'
  /** It belongs to another cluster. */
  | 'PEER_CLUSTER'
  /** The two have no version of the protocol in common. */
  | 'PEER_VERSION'
  /** It has this member's own id. */
  | 'PEER_SELF'
  /** Another member than the one that was meant listens at this address. */
  | 'PEER_WRONG_MEMBER'
  /** One side does not know the cluster's id yet, and this is only for those who do. */
  | 'PEER_NOT_JOINED'
  /** Too many connections, streams, questions or queued bytes. */
  | 'PEER_BUSY'
  /** The handshake was not finished in time, or what came was none. */
  | 'PEER_HANDSHAKE'
  /** What came on an established connection is no frame. */
  | 'PEER_PROTOCOL'
  /** Nothing came for too long. */
  | 'PEER_SILENT'
  /** Another connection to the same member took its place. */
  | 'PEER_REPLACED'
  | 'PEER_NOT_CONNECTED'
  /** The connection broke. Whether the other side has done what it was asked for is unknown. */
  | 'PEER_DOWN'
  /** No answer in time. Whether the other side has done what it was asked for is unknown. */
  | 'PEER_TIMEOUT'
  /** The other side closed a stream before it had ended it. */
  | 'PEER_STREAM_CLOSED'
  /** This transport was closed, or no longer wants the member. */
  | 'PEER_CLOSED';

export class PeerError extends OperationalError {
  declare readonly code: PeerErrorCode;
  constructor(code: PeerErrorCode, message: string, cause?: unknown) {
    super(code, message, cause);
    this.name = 'PeerError';
  }
}

/** An error whose code and text the other side sent: nothing in it may break a log line. */
export function remoteError(code: string, message: string): OperationalError {
  return new OperationalError(printable(code), printable(message));
}

function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?');
}

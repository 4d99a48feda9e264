/** What the Raft core refuses, and why. */
import { OperationalError } from '../../shared/errors.ts';

export type RaftErrorCode =
  /** This member does not lead; `Status.leader` may say who does. */
  | 'RAFT_NOT_LEADER'
  /** Leadership is being handed over: nothing new is taken until that has succeeded or failed. */
  | 'RAFT_TRANSFERRING'
  /** `uncommittedBytesMax` is reached: try again when something has been committed. */
  | 'RAFT_UNCOMMITTED_LIMIT'
  | 'RAFT_ENTRY_TOO_LARGE'
  /** Another change of membership is not committed yet, or the leader has committed nothing in its term yet. */
  | 'RAFT_CONFIG_PENDING'
  | 'RAFT_CONFIG_INVALID'
  | 'RAFT_BAD_TRANSFER'
  | 'RAFT_READ_LIMIT'
  /** A peer or the host sent what cannot be. Nothing was changed. */
  | 'RAFT_BAD_MESSAGE'
  | 'RAFT_BAD_RESTART';

/** The request was refused and changed nothing. */
export class RaftError extends OperationalError {
  declare readonly code: RaftErrorCode;
  constructor(code: RaftErrorCode, message: string) {
    super(code, message);
    this.name = 'RaftError';
  }
}

/** XINFO's radix-tree-nodes: how many nodes Redis's radix tree would have over the ids that a stream's nodes stand under. */
import { StreamId } from '../../shared/stream-id.ts';
import type { Ref } from '../call.ts';
import { Bytes } from '../memory/entries.ts';
import { NodeCursor, type Streams } from '../types/stream.ts';

/** Of larger trees only the beginning is looked at, so that XINFO stays cheap. */
const KEYS_MAX = 4096;
const KEY_BYTES = 16;

/** Exact up to KEYS_MAX nodes of the stream, beyond that in proportion. */
export function radixNodes(streams: Streams, ref: Ref): number {
  const total = streams.nodeCount(ref);
  // The head stands alone in an empty tree.
  if (total === 0) return 1;
  const count = Math.min(total, KEYS_MAX);
  const keys = new Uint8Array(count * KEY_BYTES);
  const view = new DataView(keys.buffer);
  const cursor = new NodeCursor();
  const id = new StreamId();
  const bytes = new Bytes();
  streams.firstNode(ref, cursor);
  for (let i = 0; i < count; i++, streams.nextNode(cursor)) {
    streams.readNode(cursor, id, bytes);
    [id.msHi, id.msLo, id.seqHi, id.seqLo].forEach((word, n) => { view.setInt32(i * KEY_BYTES + 4 * n, word); });
  }
  return Math.round((nodesOf(keys, 0, count, 0) * total) / count);
}

/** Nodes for the sorted keys [first, end), which agree in their first `depth` bytes. */
function nodesOf(keys: Uint8Array, first: number, end: number, depth: number): number {
  // What all have in common is one node with that run of bytes; it is followed by a leaf or a node with several children.
  let common = depth;
  if (end - first === 1) common = KEY_BYTES;
  else while (byteOf(keys, first, common) === byteOf(keys, end - 1, common)) common++;
  let nodes = (common > depth ? 1 : 0) + 1;
  if (common === KEY_BYTES) return nodes;
  for (let from = first; from < end;) {
    let to = from + 1;
    while (to < end && byteOf(keys, to, common) === byteOf(keys, from, common)) to++;
    nodes += nodesOf(keys, from, to, common + 1);
    from = to;
  }
  return nodes;
}

function byteOf(keys: Uint8Array, key: number, at: number): number {
  return keys[key * KEY_BYTES + at]!;
}

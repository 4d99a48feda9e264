import { expect, test } from 'vitest';
import { KeyPlace } from '../../../src/engine/keyspace/key-place.ts';
import { hashBytes, slotOf } from '../../../src/shared/hash.ts';
import { latin1Bytes } from '../../../src/shared/request.ts';

const SEED = 7;

function expectPlace(place: KeyPlace, buf: Uint8Array, off: number, len: number): void {
  place.locate(buf, off, len);
  expect(place.slot).toBe(slotOf(buf, off, len));
  expect(place.hash).toBe(hashBytes(buf, off, len, SEED));
}

test('the place of an argument is known until the request is over, that of other bytes never', () => {
  const place = new KeyPlace(SEED);
  const request = latin1Bytes('onetwo');
  const other = latin1Bytes('onetwo');
  place.beginRequest(request);
  for (const off of [0, 3, 3, 0]) expectPlace(place, request, off, 3);
  expectPlace(place, request, 0, 4);
  // A handler's own bytes at the same offset, and other ones in their place.
  other.set(latin1Bytes('six'));
  expectPlace(place, other, 0, 4);
  other.set(latin1Bytes('ten'));
  expectPlace(place, other, 0, 4);
  expectPlace(place, request, 0, 4);
  place.endRequest();
  // The buffer has the next request's bytes.
  request.set(latin1Bytes('ten'));
  expectPlace(place, request, 0, 4);
  place.beginRequest(request);
  expectPlace(place, request, 0, 4);
  request.set(latin1Bytes('six'));
  place.beginRequest(request);
  expectPlace(place, request, 0, 4);
});

/** Keys under which the level driver stores, written down a second time so that a change of the format is noticed. */
export function diskKey(what: number | 'state'): Buffer {
  if (what === 'state') return Buffer.from('s');
  const key = Buffer.alloc(9);
  key[0] = 0x65;
  key.writeBigUInt64BE(BigInt(what), 1);
  return key;
}

/** What `tostring` shows for tables, functions and coroutines: a number for each, given when it is first asked for. */

const FIRST_ADDRESS = 0x55d0c0de1000;
const STEP = 0x40;

const addresses = new WeakMap<object, number>();
let next = FIRST_ADDRESS;

export function addressOf(object: object): number {
  let address = addresses.get(object);
  if (address === undefined) {
    address = next;
    next += STEP;
    addresses.set(object, address);
  }
  return address;
}

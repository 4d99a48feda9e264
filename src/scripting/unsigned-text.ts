/** Numbers of other bases than ten, as C's strtoul reads them: 64 bits, and all of them for what has more. */
const TWO_TO_64 = 2n ** 64n;

function skipBlanks(text: string, start: number): number {
  let at = start;
  while (isBlank(text.charCodeAt(at))) at++;
  return at;
}

const isBlank = (code: number): boolean => code === 32 || (code >= 9 && code <= 13);

/** The digit that a char is, or what no base has. */
function digitOf(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const lower = code | 32;
  return lower >= 97 && lower <= 122 ? lower - 87 : 99;
}

/** The number that a whole string is but for blanks around it; undefined if none. A zero byte is the end. */
export function unsignedNumber(text: string, base: number): number | undefined {
  let at = skipBlanks(text, 0);
  const isNegative = text[at] === '-';
  if (isNegative || text[at] === '+') at++;
  if (base === 16 && /^0x/i.test(text.slice(at, at + 2)) && digitOf(text.charCodeAt(at + 2)) < 16) at += 2;
  const start = at;
  let value = 0n;
  for (let digit = digitOf(text.charCodeAt(at)); digit < base; digit = digitOf(text.charCodeAt(++at))) {
    if (value < TWO_TO_64) value = value * BigInt(base) + BigInt(digit);
  }
  if (at === start) return undefined;
  at = skipBlanks(text, at);
  if (at < text.length && text[at] !== '\0') return undefined;
  if (value >= TWO_TO_64) return 2 ** 64;
  return Number(isNegative ? BigInt.asUintN(64, -value) : value);
}

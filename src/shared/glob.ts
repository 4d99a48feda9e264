/** Glob patterns as Redis matches them (stringmatchlen): `*`, `?`, `[a-z]`, `[^a]`, and backslash escapes. */

const STAR = 42;
const QUESTION = 63;
const BRACKET_OPEN = 91;
const BRACKET_CLOSE = 93;
const CARET = 94;
const DASH = 45;
const BACKSLASH = 92;
/** With more stars than that a pattern matches nothing, as in Redis, which gives up there; one at its end does not count. */
const STARS_MAX = 1000;

function lower(b: number): number {
  return b >= 65 && b <= 90 ? b + 32 : b;
}

/** One byte, one class `[…]`, escape or `?` of the pattern: matches a single byte of the text. */
class Matcher {
  pattern: Uint8Array = new Uint8Array(0);
  patternEnd = 0;
  ignoreCase = false;
  /** Offset behind the piece of pattern that `matches` looked at. */
  next = 0;

  matches(p: number, b: number): boolean {
    const c = this.pattern[p]!;
    this.next = p + 1;
    if (c === QUESTION) return true;
    if (c === BRACKET_OPEN) return this.#matchesClass(p + 1, b);
    if (c === BACKSLASH && p + 1 < this.patternEnd) {
      this.next = p + 2;
      return this.#equal(this.pattern[p + 1]!, b);
    }
    return this.#equal(c, b);
  }

  #equal(a: number, b: number): boolean {
    return this.ignoreCase ? lower(a) === lower(b) : a === b;
  }

  #matchesClass(p: number, b: number): boolean {
    const { pattern, patternEnd } = this;
    const negated = pattern[p] === CARET && p < patternEnd;
    if (negated) p++;
    let found = false;
    for (; p < patternEnd && pattern[p] !== BRACKET_CLOSE; p++) {
      if (pattern[p] === BACKSLASH && p + 1 < patternEnd) {
        p++;
        if (pattern[p] === b) found = true;
      } else if (p + 2 < patternEnd && pattern[p + 1] === DASH) {
        let low = pattern[p]!;
        let high = pattern[p + 2]!;
        if (low > high) [low, high] = [high, low];
        let byte = b;
        if (this.ignoreCase) [low, high, byte] = [lower(low), lower(high), lower(b)];
        if (byte >= low && byte <= high) found = true;
        p += 2;
      } else if (this.#equal(pattern[p]!, b)) found = true;
    }
    this.next = p < patternEnd ? p + 1 : p;
    return found !== negated;
  }
}

const matcher = new Matcher();

/**
 * Whether text bytes match a pattern's. Backtracks only to the last star, so it takes at most pattern × text steps,
 * whatever the pattern.
 */
export function globMatchBytes(
  pattern: Uint8Array, patternOff: number, patternLen: number, text: Uint8Array, textOff: number, textLen: number,
  ignoreCase = false,
): boolean {
  // Nothing matches nothing alone, not even a star: callers for which a star means all look for it themselves, as in Redis.
  if (textLen === 0) return patternLen === 0;
  const patternEnd = patternOff + patternLen;
  const textEnd = textOff + textLen;
  matcher.pattern = pattern;
  matcher.patternEnd = patternEnd;
  matcher.ignoreCase = ignoreCase;
  let p = patternOff;
  let t = textOff;
  let star = -1;
  let starText = 0;
  let stars = 0;
  while (t < textEnd) {
    if (p < patternEnd && pattern[p] === STAR) {
      while (p < patternEnd && pattern[p] === STAR) p++;
      if (p === patternEnd) return true;
      // Each is come to once: a match that fails goes back to the last one only.
      if (++stars > STARS_MAX) return false;
      star = p;
      starText = t;
    } else if (p < patternEnd && matcher.matches(p, text[t]!)) {
      p = matcher.next;
      t++;
    } else if (star >= 0) {
      p = star;
      t = ++starText;
    } else return false;
  }
  while (p < patternEnd && pattern[p] === STAR) p++;
  return p === patternEnd;
}

/** As `globMatchBytes`, for latin1 strings. */
export function globMatch(pattern: string, text: string, ignoreCase = false): boolean {
  const p = bytesOf(pattern);
  const t = bytesOf(text);
  return globMatchBytes(p, 0, p.length, t, 0, t.length, ignoreCase);
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

/**
 * A small language for the forms of commands, so that a form is one line:
 *   WORD        itself
 *   <name>      what the maker of that name returns: one argument or several
 *   [a b]       maybe
 *   (a | b c)   one of these
 *   {a | b | c} none, one, two or three of these, in any order, now and then one twice
 *   x+          x one to four times
 */
import type { SeededRandom } from '../protocol/seeded-random.ts';

export type Maker = (random: SeededRandom) => string | string[];
export type Makers = Readonly<Record<string, Maker>>;

interface Choice {
  readonly type: 'all' | 'one' | 'some';
  readonly parts: readonly Node[];
}

type Node =
  | Choice
  | { readonly type: 'word'; readonly text: string }
  | { readonly type: 'maker'; readonly make: Maker }
  | { readonly type: 'maybe' | 'repeat'; readonly part: Node };

const CLOSING: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' };

export class Form {
  readonly text: string;
  readonly #root: Node;

  /** @throws Error if the text is no form. */
  constructor(text: string, makers: Makers) {
    this.text = text;
    const tokens = text.match(/[[\](){}|+]|<[^>]+>|[^\s[\](){}|+]+/g)!;
    let at = 0;

    const sequence = (end: string | undefined): Choice => {
      const alternatives: Node[] = [];
      let parts: Node[] = [];
      for (;;) {
        const token = tokens[at++];
        if (token === '|' || token === end) {
          alternatives.push({ type: 'all', parts });
          parts = [];
          if (token === end) return { type: 'one', parts: alternatives };
        } else if (token === undefined) throw new Error(`form without ${end}: ${text}`);
        else if (token === '+') parts.push({ type: 'repeat', part: parts.pop()! });
        else if (token in CLOSING) parts.push(group(token));
        else parts.push(leaf(token));
      }
    };
    const group = (opening: string): Node => {
      const inner = sequence(CLOSING[opening]);
      if (opening === '[') return { type: 'maybe', part: inner };
      return opening === '{' ? { ...inner, type: 'some' } : inner;
    };
    const leaf = (token: string): Node => {
      if (!token.startsWith('<')) return { type: 'word', text: token };
      const make = makers[token.slice(1, -1)];
      if (make === undefined) throw new Error(`no maker ${token} in: ${text}`);
      return { type: 'maker', make };
    };
    this.#root = sequence(undefined);
  }

  /** One command of this form. */
  expand(random: SeededRandom): string[] {
    const args: string[] = [];
    expand(this.#root, random, args);
    return args;
  }
}

const OPTIONAL = 0.4;

function expand(node: Node, random: SeededRandom, args: string[]): void {
  switch (node.type) {
    case 'word':
      args.push(node.text);
      break;
    case 'maker':
      args.push(...[node.make(random)].flat());
      break;
    case 'all':
      for (const part of node.parts) expand(part, random, args);
      break;
    case 'one':
      expand(random.pick(node.parts), random, args);
      break;
    case 'some':
      for (let n = random.pick([0, 0, 1, 1, 1, 2, 2, 3]); n > 0; n--) expand(random.pick(node.parts), random, args);
      break;
    case 'maybe':
      if (random.float() < OPTIONAL) expand(node.part, random, args);
      break;
    case 'repeat':
      for (let n = 1 + random.below(4); n > 0; n--) expand(node.part, random, args);
  }
}

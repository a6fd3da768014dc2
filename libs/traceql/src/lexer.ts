// Text to tokens, one at a time (docs/traceql.md).
import type { AttributeScope, Loc } from './ast.ts';
import { BACKTICK, DOT, endsName, isBlank, isDigit, QUOTE, startsWord, wordEnd } from './characters.ts';
import { readNumber } from './number-literal.ts';
import { SyntaxProblem } from './query-error.ts';
import { readInterpreted, readQuotedName, readRaw } from './string-literal.ts';

export type Token = Loc &
  (
    | { readonly kind: 'end' }
    /** Operators and punctuation; the prefixes of scoped intrinsics (`span:`); words: keywords and anything else that looks like one. */
    | { readonly kind: 'symbol' | 'prefix' | 'word'; readonly text: string }
    | { readonly kind: 'string'; readonly value: string }
    | { readonly kind: 'int' | 'duration'; readonly value: bigint }
    | { readonly kind: 'float'; readonly value: number }
    /** `bare`: written without a scope or leading dot (`service.name`), which Tempo refuses and we read as unscoped. */
    | { readonly kind: 'attribute'; readonly scope: AttributeScope; readonly name: string; readonly parent: boolean; readonly bare: boolean }
  );

const SYMBOLS = new Set(', . { } ( ) = != =~ !~ > >= < <= + - * / % ^ && || ! | >> << ~ !> !< !>> !<< &> &< &>> &<< &~'.split(' '));
const SCOPES = new Map<string, AttributeScope>([
  ['span', 'span'],
  ['resource', 'resource'],
  ['event', 'event'],
  ['link', 'link'],
  ['instrumentation', 'instrumentation'],
]);
const PREFIXES = new Set(['span', 'trace', 'event', 'link', 'instrumentation']);

/** Throws SyntaxProblem. After the end it keeps answering `end`. */
export class Lexer {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  next(): Token {
    this.#skipBlanks();
    const text = this.#text;
    const from = this.#at;
    if (from >= text.length) return { kind: 'end', from, to: from };
    const c = text.charCodeAt(from);
    if (c === DOT && !isDigit(text.charCodeAt(from + 1))) return this.#attribute(from, from + 1, 'none', false);
    if (isDigit(c) || c === DOT) {
      const number = readNumber(text, from);
      this.#at = number.to;
      return { ...number, from };
    }
    if (c === QUOTE || c === BACKTICK) {
      const { value, to } = c === QUOTE ? readInterpreted(text, from) : readRaw(text, from);
      this.#at = to;
      return { kind: 'string', value, from, to };
    }
    if (startsWord(text.codePointAt(from))) return this.#word(from);
    return this.#symbol(from);
  }

  /** A word; an attribute when a scope and a dot begin it; a prefix when a colon follows at once. */
  #word(from: number): Token {
    const text = this.#text;
    const end = wordEnd(text, from);
    const word = text.slice(from, end);
    const next = text.charAt(end);
    if (next === '.') {
      const scope = SCOPES.get(word);
      if (scope !== undefined) return this.#attribute(from, end + 1, scope, false);
      if (word === 'parent') return this.#parentAttribute(from, end + 1);
      if (end + 1 < text.length && !endsName(text.charCodeAt(end + 1))) return this.#bareAttribute(from, word, end);
    }
    if (next === ':' && PREFIXES.has(word)) {
      this.#at = end + 1;
      return { kind: 'prefix', text: `${word}:`, from, to: end + 1 };
    }
    this.#at = end;
    return { kind: 'word', text: word, from, to: end };
  }

  /** `parent.` may be followed by one more scope: `span.` or `resource.`. */
  #parentAttribute(from: number, nameFrom: number): Token {
    for (const scope of ['span', 'resource'] as const) {
      if (this.#text.startsWith(`${scope}.`, nameFrom)) return this.#attribute(from, nameFrom + scope.length + 1, scope, true);
    }
    return this.#attribute(from, nameFrom, 'none', true);
  }

  #bareAttribute(from: number, word: string, dot: number): Token {
    this.#at = dot;
    return { kind: 'attribute', scope: 'none', name: word + this.#name(), parent: false, bare: true, from, to: this.#at };
  }

  #attribute(from: number, nameFrom: number, scope: AttributeScope, parent: boolean): Token {
    this.#at = nameFrom;
    const name = this.#name();
    if (this.#at === nameFrom)
      throw new SyntaxProblem(
        `attribute name missing after ${this.#text.slice(from, nameFrom)}`,
        { from, to: nameFrom },
        'a name right after the dot, without a blank',
      );
    return { kind: 'attribute', scope, name, parent, bare: false, from, to: this.#at };
  }

  /** Name mode: bare and quoted runs up to white space or one of the characters that end a name. */
  #name(): string {
    const text = this.#text;
    let name = '';
    let runStart = this.#at;
    for (;;) {
      const c = text.charCodeAt(this.#at);
      if (Number.isNaN(c) || endsName(c)) return name + text.slice(runStart, this.#at);
      if (c !== QUOTE) {
        this.#at++;
        continue;
      }
      const quoted = readQuotedName(text, this.#at);
      name += text.slice(runStart, this.#at) + quoted.value;
      this.#at = quoted.to;
      runStart = this.#at;
    }
  }

  /** The longest known symbol: every prefix of a symbol (from two characters) is a symbol, so the longest is meant. */
  #symbol(from: number): Token {
    for (let length = 3; length > 0; length--) {
      const symbol = this.#text.slice(from, from + length);
      if (symbol.length < length || !SYMBOLS.has(symbol)) continue;
      this.#at = from + length;
      return { kind: 'symbol', text: symbol, from, to: this.#at };
    }
    const character = String.fromCodePoint(this.#text.codePointAt(from)!);
    const expected = character === "'" ? 'a string in double quotes or backticks' : undefined;
    throw new SyntaxProblem(`unexpected ${character}`, { from, to: from + character.length }, expected);
  }

  #skipBlanks(): void {
    const text = this.#text;
    for (;;) {
      while (isBlank(text.charCodeAt(this.#at))) this.#at++;
      if (text.startsWith('//', this.#at)) {
        const newline = text.indexOf('\n', this.#at);
        this.#at = newline < 0 ? text.length : newline + 1;
      } else if (text.startsWith('/*', this.#at)) {
        const close = text.indexOf('*/', this.#at + 2);
        if (close < 0) throw new SyntaxProblem('comment not terminated', { from: this.#at, to: this.#at + 2 }, 'a closing `*/`');
        this.#at = close + 2;
      } else return;
    }
  }
}

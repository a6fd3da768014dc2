// One token of look-ahead over the lexer, and the budget of nesting.
import type { Loc } from './ast.ts';
import { Lexer } from './lexer.ts';
import type { Token } from './lexer.ts';
import { SyntaxProblem } from './query-error.ts';

export class Cursor {
  readonly #text: string;
  readonly #lexer: Lexer;
  readonly #maxNesting: number;
  #token: Token;
  #previousEnd = 0;
  #nesting = 0;

  constructor(text: string, maxNesting: number) {
    this.#text = text;
    this.#lexer = new Lexer(text);
    this.#maxNesting = maxNesting;
    this.#token = this.#lexer.next();
  }

  /** The token not yet consumed. */
  get token(): Token {
    return this.#token;
  }

  /** From `from` to the end of the last consumed token. */
  locFrom(from: number): Loc {
    return { from, to: this.#previousEnd };
  }

  advance(): Token {
    const token = this.#token;
    this.#previousEnd = token.to;
    this.#token = this.#lexer.next();
    return token;
  }

  /** The text of a symbol, word or prefix; undefined for literals, attributes and the end. */
  get text(): string | undefined {
    return 'text' in this.#token ? this.#token.text : undefined;
  }

  at(text: string): boolean {
    return this.text === text;
  }

  take(text: string): boolean {
    if (!this.at(text)) return false;
    this.advance();
    return true;
  }

  expect(text: string, expected = `\`${text}\``): Token {
    return this.at(text) ? this.advance() : this.fail(expected);
  }

  /** Fails at the current token, which is not what `expected` describes. */
  fail(expected: string): never {
    const token = this.#token;
    const shown = token.kind === 'end' ? 'end of query' : this.#text.slice(token.from, token.to);
    throw new SyntaxProblem(`unexpected ${shown.length > 40 ? `${shown.slice(0, 40)}…` : shown}`, token, expected);
  }

  /** Runs `parse` one level deeper. Everything that recurses without a bound goes through here. */
  nested<T>(parse: (cursor: Cursor) => T): T {
    if (++this.#nesting > this.#maxNesting) {
      throw new SyntaxProblem('query nested too deeply', this.#token, `at most ${this.#maxNesting} levels of parentheses and operators`);
    }
    const result = parse(this);
    this.#nesting--;
    return result;
  }
}

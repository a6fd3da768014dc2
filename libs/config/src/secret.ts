/** A text that prints as `<secret>` everywhere: templates, JSON, `util.inspect`, logs. Only `reveal` gives it away. */
export class Secret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  reveal(): string {
    return this.#text;
  }

  get isEmpty(): boolean {
    return this.#text === '';
  }

  toString(): string {
    return this.#text === '' ? '' : '<secret>';
  }

  toJSON(): string {
    return this.toString();
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }
}

/** The same data with the texts of its secrets: plain, for other threads. */
export type Revealed<T> = T extends Secret ? string : T extends object ? { readonly [K in keyof T]: Revealed<T[K]> } : T;

export function reveal<T>(value: T): Revealed<T> {
  if (value instanceof Secret) return value.reveal() as Revealed<T>;
  if (Array.isArray(value)) return value.map((item: unknown) => reveal(item)) as Revealed<T>;
  if (typeof value !== 'object' || value === null) return value as Revealed<T>;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, reveal(field as unknown)])) as Revealed<T>;
}

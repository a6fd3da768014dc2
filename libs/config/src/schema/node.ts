import { parseDurationMs } from '@vivace/base';
import { Secret } from '../secret.ts';

/**
 * The schema is plain data built by the functions below: from it come the validator, the flags, the TypeScript type of the values,
 * the effective YAML and docs/config.md. Every node carries one line of documentation.
 */

/**
 * - `implemented`: it works.
 * - `accepted`: Tempo has it, we do not yet; a value other than the default gives a warning that names the key.
 * - `ignored`: it has no meaning here and needs none (usage reports, settings of the v2 encoding); never a warning.
 */
export type Status = 'implemented' | 'accepted' | 'ignored';

export type LeafType = 'string' | 'secret' | 'int' | 'float' | 'bool' | 'bytes' | 'duration' | 'enum';

export interface LeafOptions {
  readonly status?: Status;
  /** Flag names that are not the YAML path with dashes for underscores (that one always works). */
  readonly flags?: readonly string[];
  readonly min?: number;
  readonly max?: number;
  /** The values of an implemented enum, or of the elements of a list, that work; others give a warning. */
  readonly works?: readonly string[];
}

export interface Leaf<T> extends LeafOptions {
  readonly kind: 'leaf';
  readonly type: LeafType;
  readonly default: T;
  readonly doc: string;
  readonly status: Status;
  readonly values?: readonly string[];
}

export interface Group<F extends Fields = Fields> {
  readonly kind: 'group';
  readonly doc: string;
  readonly fields: F;
  /** Old names of keys below this group: old key → dotted path. Using one gives a warning. */
  readonly aliases?: Readonly<Record<string, string>>;
}

/** A section that is off unless it is written; an empty one is on with its defaults. */
export interface Optional<N extends Node = Node> {
  readonly kind: 'optional';
  readonly doc: string;
  readonly status: Status;
  readonly of: N;
}

export interface List<N extends Node = Node> {
  readonly kind: 'list';
  readonly doc: string;
  readonly status: Status;
  readonly of: N;
  /** Values of `of`: `list` checks it. */
  readonly default: readonly unknown[];
  /** Only of lists of leaves: a flag takes the elements separated by commas. */
  readonly flags?: readonly string[];
}

export interface MapOf<N extends Node = Node> {
  readonly kind: 'map';
  readonly doc: string;
  readonly status: Status;
  readonly of: N;
}

/** Somebody else's format (collector receivers we do not run, Prometheus remote write): any YAML, kept as it is. */
export interface Free {
  readonly kind: 'free';
  readonly doc: string;
  readonly status: Status;
}

export type Plain = string | number | boolean | null | readonly Plain[] | { readonly [key: string]: Plain };

export type Node = Leaf<string> | Leaf<number> | Leaf<boolean> | Leaf<Secret> | Group | Optional | List | MapOf | Free;
export type Fields = { readonly [key: string]: Node };

/** The TypeScript type of the values a node describes. */
export type Value<N> =
  N extends Leaf<infer T>
    ? T
    : N extends Group<infer F>
      ? { readonly [K in keyof F]: Value<F[K]> }
      : N extends Optional<infer O>
        ? Value<O> | undefined
        : N extends List<infer E>
          ? readonly Value<E>[]
          : N extends MapOf<infer E>
            ? { readonly [key: string]: Value<E> }
            : N extends Free
              ? Plain | undefined
              : never;

/** `{ ...on }` marks a key as implemented, `{ ...ignored }` as meaningless here. */
export const on = { status: 'implemented' } as const;
export const ignored = { status: 'ignored' } as const;

function leaf<T>(type: LeafType, value: T, doc: string, options: LeafOptions): Leaf<T> {
  return { kind: 'leaf', type, default: value, doc, status: 'accepted', ...options };
}

export const string = (value: string, doc: string, options: LeafOptions = {}): Leaf<string> => leaf('string', value, doc, options);
export const secret = (doc: string, options: LeafOptions = {}): Leaf<Secret> => leaf('secret', new Secret(''), doc, options);
export const bool = (value: boolean, doc: string, options: LeafOptions = {}): Leaf<boolean> => leaf('bool', value, doc, options);
/** Whole number, not negative unless `min` says so. */
export const int = (value: number, doc: string, options: LeafOptions = {}): Leaf<number> => leaf('int', value, doc, { min: 0, ...options });
export const port = (value: number, doc: string, options: LeafOptions = {}): Leaf<number> => int(value, doc, { max: 65_535, ...options });
export const float = (value: number, doc: string, options: LeafOptions = {}): Leaf<number> => leaf('float', value, doc, { min: 0, ...options });
export const bytes = (value: number, doc: string, options: LeafOptions = {}): Leaf<number> => leaf('bytes', value, doc, { min: 0, ...options });
/** `text` is a duration as in YAML; the value is milliseconds. */
export const duration = (text: string, doc: string, options: LeafOptions = {}): Leaf<number> =>
  leaf('duration', parseDurationMs(text)!, doc, { min: 0, ...options });

export function oneOf<const V extends string>(values: readonly V[], value: NoInfer<V>, doc: string, options: LeafOptions = {}): Leaf<V> {
  return { ...leaf('enum', value, doc, options), values };
}

export function group<F extends Fields>(doc: string, fields: F, aliases?: Readonly<Record<string, string>>): Group<F> {
  return { kind: 'group', doc, fields, ...(aliases && { aliases }) };
}

export function optional<N extends Node>(doc: string, of: N, status: Status = 'accepted'): Optional<N> {
  return { kind: 'optional', doc, status, of };
}

export function list<N extends Node>(of: N, value: readonly Value<N>[], doc: string, { status = 'accepted', flags = [] }: LeafOptions = {}): List<N> {
  return { kind: 'list', doc, status, of, default: value, flags };
}

/** A list of strings. */
export const strings = (value: readonly string[], doc: string, options: LeafOptions = {}): List<Leaf<string>> =>
  list(string('', doc, { status: options.status ?? 'accepted', ...(options.works && { works: options.works }) }), value, doc, options);

export function mapOf<N extends Node>(of: N, doc: string, { status = 'accepted' }: LeafOptions = {}): MapOf<N> {
  return { kind: 'map', doc, status, of };
}

/** The same fields, each with a flag below `prefix` besides its path. */
export function flagged<F extends Fields>(prefix: string, fields: F): F {
  const entries = Object.entries(fields).map(([key, node]) => [
    key,
    node.kind === 'leaf' ? { ...node, flags: [`${prefix}.${key.replaceAll('_', '-')}`] } : node,
  ]);
  return Object.fromEntries(entries) as F; // same keys and node types, flags added
}

export const free = (doc: string, status: Status = 'accepted'): Free => ({ kind: 'free', doc, status });

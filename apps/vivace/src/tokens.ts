export const QUERIER: unique symbol = Symbol('QUERIER');
export const QUERY_API: unique symbol = Symbol('QUERY_API');
export const RUNTIME: unique symbol = Symbol('RUNTIME');

// Everything is injected by these symbols: class-typed injection needs emitted metadata, which neither tsc's isolated modules nor vitest give.

export const ADMIN: unique symbol = Symbol('ADMIN');
export const LIFECYCLE: unique symbol = Symbol('LIFECYCLE');
export const METRICS_PAGE: unique symbol = Symbol('METRICS_PAGE');
export const STATUS_PAGES: unique symbol = Symbol('STATUS_PAGES');

export { LocalObjectStore } from './local-object-store.ts';
export type { LocalObjectStoreOptions } from './local-object-store.ts';
export { MemoryObjectStore } from './memory-object-store.ts';
export type { ObjectEntry, ObjectStat, ObjectStore } from './object-store.ts';

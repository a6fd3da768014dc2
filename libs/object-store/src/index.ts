export type { ObjectEntry, ObjectStat, ObjectStore } from './object-store.ts';

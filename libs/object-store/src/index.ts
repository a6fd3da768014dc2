export { LocalObjectStore } from './local-object-store.ts';
export type { LocalObjectStoreOptions } from './local-object-store.ts';
export { MemoryObjectStore } from './memory-object-store.ts';
export type { ObjectEntry, ObjectStat, ObjectStore } from './object-store.ts';
export { newStoreHealth, openObjectStore } from './open-object-store.ts';
export type { OpenStore } from './open-object-store.ts';
export { observeRequests } from './observe-requests.ts';
export type { RequestMethod, RequestObserver } from './request-observer.ts';
export type { StoreSettings } from './store-settings.ts';

import { AppError, Seldom } from '@vivace/base';
import type { Clock, Logger, MetricsRegistry, TenantId } from '@vivace/base';
import { DROP, regroup, scanExport, ScanResult } from '@vivace/otlp';
import { NO_MEMBER } from '@vivace/ring';
import type { RingView } from '@vivace/ring';
import type { RpcChannel } from '@vivace/rpc';
import { decodePushResponse, PUSH_PATH } from './ingester-push.ts';
import { PASSED } from './passed.ts';
import type { IngesterPort, IngesterRefusals } from './ports.ts';
import { traceTokens } from './trace-tokens.ts';

export interface ReplicatedIngesterDeps {
  /** The ingesters a tenant's spans go to now. */
  readonly view: (tenant: TenantId) => RingView;
  readonly channel: (address: string) => Pick<RpcChannel, 'ask'>;
  /** `ingester_client.remote_timeout`: for one ingester. */
  readonly timeoutMs: number;
  /** Bytes under way to one ingester at most; a slow one then counts as failed instead of filling the memory. */
  readonly maxPendingBytes: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: MetricsRegistry;
}

/** Larger pushes go in several requests: receivers take larger ones than an ingester does (`server.grpc_server_max_recv_msg_size`). */
const MAX_REQUEST_BYTES = 8 * 1024 * 1024;
/** Told to senders when too few ingesters can be reached: by then gossip has noticed, or they are back. */
const RETRY_AFTER_MS = 1_000;

/**
 * Sends every span to `replicationFactor` ingesters of the ring, one request each, and resolves once a quorum has each trace; the copies still under way go on. An ingester that fails
 * is replaced by the next one on the ring for the traces it would have taken. Rejects `unavailable` when a trace cannot reach its quorum. Keeps the bytes of a push beyond its
 * end, until they are written to all: they must not change.
 */
export function createReplicatedIngester(deps: ReplicatedIngesterDeps): IngesterPort {
  const pending = new Map<string, number>();
  const seldom = new Seldom(deps.clock);
  const failures = deps.metrics.counter('tempo_distributor_ingester_append_failures_total', 'Requests to an ingester that failed.', ['ingester']);
  const appends = deps.metrics.counter('tempo_distributor_ingester_appends_total', 'Requests sent to an ingester.', ['ingester']);

  async function send(tenant: TenantId, id: string, address: string, bytes: Uint8Array): Promise<IngesterRefusals> {
    const waiting = pending.get(id) ?? 0;
    if (waiting > 0 && waiting + bytes.length > deps.maxPendingBytes) {
      throw new AppError(
        'resource_exhausted',
        `ingester ${id}: ${waiting} bytes are under way to it already, limit ingester_client.max_pending_bytes ${deps.maxPendingBytes}`,
      );
    }
    pending.set(id, waiting + bytes.length);
    appends.with({ ingester: id }).inc();
    try {
      return decodePushResponse(await deps.channel(address).ask(PUSH_PATH, bytes, { tenant, timeoutMs: deps.timeoutMs }));
    } catch (reason) {
      failures.with({ ingester: id }).inc();
      const requests = seldom.times(id);
      if (requests > 0)
        deps.logger.warn('an ingester did not take spans, the next one is asked', { ingester: id, requests, tenant, err: AppError.from(reason).message });
      throw reason;
    } finally {
      const left = (pending.get(id) ?? 0) - bytes.length;
      if (left > 0) pending.set(id, left);
      else pending.delete(id);
    }
  }

  return {
    async push(tenant, bytes, scan) {
      if (bytes.length <= MAX_REQUEST_BYTES) return new ReplicatedPush(deps, send, tenant, bytes, scan).run();
      const refusals = { traceTooLarge: 0, tooManyLiveTraces: 0 };
      // One after the other, so that no more is under way than of others.
      for (const part of partsOf(bytes, scan)) {
        const partScan = new ScanResult();
        scanExport(part, PASSED, partScan);
        const { traceTooLarge, tooManyLiveTraces } = await new ReplicatedPush(deps, send, tenant, part, partScan).run();
        refusals.traceTooLarge += traceTooLarge;
        refusals.tooManyLiveTraces += tooManyLiveTraces;
      }
      return refusals;
    },
  };
}

/** Its good spans in several requests, in their order. */
function partsOf(bytes: Uint8Array, scan: ScanResult): Uint8Array[] {
  const partOf = new Uint32Array(scan.spanCount).fill(DROP);
  let part = 0;
  let size = 0;
  for (let i = 0; i < scan.spanCount; i++) {
    if (scan.spanRefusal[i] !== 0) continue;
    const spanBytes = scan.spanTo[i] - scan.spanFrom[i];
    if (size > 0 && size + spanBytes > MAX_REQUEST_BYTES) {
      part++;
      size = 0;
    }
    size += spanBytes;
    partOf[i] = part;
  }
  return regroup(bytes, scan, partOf, part + 1);
}

type Send = (tenant: TenantId, id: string, address: string, bytes: Uint8Array) => Promise<IngesterRefusals>;

/** One request on its way to its replicas. */
class ReplicatedPush {
  readonly #send: Send;
  readonly #tenant: TenantId;
  readonly #bytes: Uint8Array;
  readonly #scan: ScanResult;
  /** Of each span, DROP for a refused one. */
  readonly #traceOf: Uint32Array;
  readonly #tokens: Uint32Array;
  /** Replicas of each trace that have it, and that may yet. */
  readonly #acknowledged: Uint8Array;
  readonly #underWay: Uint8Array;
  /** Members tried, by id, with the traces given to each. */
  readonly #tried = new Map<string, Uint8Array>();
  readonly #failed = new Set<string>();
  readonly #done = Promise.withResolvers<IngesterRefusals>();
  #view: RingView;
  /** Traces without a quorum yet. */
  #short: number;
  #isSettled = false;
  #lastFailure: unknown;
  #traceTooLarge = 0;
  #tooManyLiveTraces = 0;
  #answers = 0;

  constructor(deps: ReplicatedIngesterDeps, send: Send, tenant: TenantId, bytes: Uint8Array, scan: ScanResult) {
    this.#send = send;
    this.#tenant = tenant;
    this.#bytes = bytes;
    this.#scan = scan;
    this.#traceOf = new Uint32Array(scan.spanCount);
    this.#tokens = traceTokens(tenant, bytes, scan, this.#traceOf);
    const count = this.#tokens.length;
    this.#acknowledged = new Uint8Array(count);
    this.#underWay = new Uint8Array(count);
    this.#short = count;
    this.#view = deps.view(tenant);
  }

  run(): Promise<IngesterRefusals> {
    if (this.#tokens.length === 0) return Promise.resolve({ traceTooLarge: 0, tooManyLiveTraces: 0 });
    const all = new Uint8Array(this.#tokens.length).fill(1);
    // Made before the first is sent, so that `scan` may be used again once this settles.
    this.#give(all);
    return this.#done.promise;
  }

  /** Sends the traces with `wanted[t] = 1` to those of their replicas that were not tried yet. Rejects the whole when one cannot get its quorum any more. */
  #give(wanted: Uint8Array): void {
    const { replicationFactor: width } = this.#view.policy;
    const count = this.#tokens.length;
    const rows = new Uint16Array(count * width);
    this.#view.locate(this.#tokens, count, rows);
    const lists = new Map<number, Uint8Array>();
    for (let t = 0; t < count; t++) {
      if (wanted[t] === 0) continue;
      for (let k = t * width; k < (t + 1) * width; k++) {
        const member = rows[k];
        if (member === NO_MEMBER) break;
        if (this.#acknowledged[t] + this.#underWay[t] === width) break;
        if (this.#tried.get(this.#view.members[member].id)?.[t] === 1) continue;
        let list = lists.get(member);
        if (!list) lists.set(member, (list = new Uint8Array(count)));
        list[t] = 1;
        this.#underWay[t]++;
      }
    }
    for (let t = 0; t < count; t++) {
      if (wanted[t] === 1 && this.#acknowledged[t] + this.#underWay[t] < this.#view.quorum) {
        this.#fail();
        return;
      }
    }
    for (const [member, traces] of lists) this.#sendTo(this.#view.members[member], traces);
  }

  #sendTo({ id, address }: { readonly id: string; readonly address: string }, traces: Uint8Array): void {
    const before = this.#tried.get(id);
    this.#tried.set(id, before ? traces.map((mark, t) => mark | before[t]) : traces);
    this.#send(this.#tenant, id, address, this.#part(traces)).then(
      (refusals) => this.#answered(traces, refusals),
      (reason: unknown) => this.#failedAt(id, traces, reason),
    );
  }

  /** The request with only these traces. Who gets all spans is sent the request itself: nothing is copied. */
  #part(traces: Uint8Array): Uint8Array {
    if (this.#scan.refusedCount === 0 && !traces.includes(0)) return this.#bytes;
    const groupOf = new Uint32Array(this.#scan.spanCount);
    for (let i = 0; i < groupOf.length; i++) {
      const trace = this.#traceOf[i];
      groupOf[i] = trace !== DROP && traces[trace] === 1 ? 0 : DROP;
    }
    return regroup(this.#bytes, this.#scan, groupOf, 1)[0];
  }

  #answered(traces: Uint8Array, refusals: IngesterRefusals): void {
    this.#answers++;
    this.#traceTooLarge += refusals.traceTooLarge;
    this.#tooManyLiveTraces += refusals.tooManyLiveTraces;
    for (let t = 0; t < traces.length; t++) {
      if (traces[t] === 0) continue;
      this.#underWay[t]--;
      if (++this.#acknowledged[t] === this.#view.quorum) this.#short--;
    }
    if (this.#short > 0 || this.#isSettled) return;
    this.#isSettled = true;
    this.#done.resolve(this.#refusals());
  }

  #failedAt(id: string, traces: Uint8Array, reason: unknown): void {
    this.#lastFailure = reason;
    this.#failed.add(id);
    for (let t = 0; t < traces.length; t++) if (traces[t] === 1) this.#underWay[t]--;
    // Once this is settled, the scan belongs to somebody else.
    if (this.#isSettled) return;
    this.#view = this.#view.without(this.#failed);
    this.#give(traces);
  }

  #fail(): void {
    const why = this.#lastFailure === undefined ? 'too few are healthy' : AppError.from(this.#lastFailure).message;
    const { quorum, policy } = this.#view;
    this.#isSettled = true;
    this.#done.reject(
      new AppError('unavailable', `spans could not be given to ${quorum} of ${policy.replicationFactor} ${policy.name}s: ${why}`, {
        cause: this.#lastFailure,
        retryAfterMs: RETRY_AFTER_MS,
      }),
    );
  }

  /** Each copy of a span that is refused counts; spans are what the sender wants to know of. */
  #refusals(): IngesterRefusals {
    const copies = Math.max(1, Math.min(this.#view.policy.replicationFactor, this.#answers));
    return { traceTooLarge: Math.ceil(this.#traceTooLarge / copies), tooManyLiveTraces: Math.ceil(this.#tooManyLiveTraces / copies) };
  }
}

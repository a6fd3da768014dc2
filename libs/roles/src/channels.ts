import type { GrpcClientConfig } from '@vivace/config';
import { openChannel } from '@vivace/rpc';
import type { RpcChannel } from '@vivace/rpc';
import { followClientTls } from '@vivace/sockets';
import type { Runtime } from './runtime.ts';
import { systemTimers } from './system-timers.ts';

/** Ways to other processes, one for each address, made when first asked for. */
export interface Channels {
  readonly to: (address: string) => RpcChannel;
  has(address: string): boolean;
  close(): void;
}

/** Throws `failed_precondition` for certificates that cannot be used. */
export async function openChannels(client: GrpcClientConfig, { clock, logger }: Runtime): Promise<Channels> {
  const tls = client.tls && (await followClientTls(client.tls, client.section, { timers: systemTimers, clock, logger }));
  const byAddress = new Map<string, RpcChannel>();
  return {
    to(address) {
      let channel = byAddress.get(address);
      if (!channel) byAddress.set(address, (channel = openChannel(address, { ...client, tls })));
      return channel;
    },
    has: (address) => byAddress.has(address),
    close() {
      tls?.stop();
      for (const channel of byAddress.values()) channel.close();
    },
  };
}

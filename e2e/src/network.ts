import { NamespaceNetwork } from './namespace-network.ts';
import { ProxiedNetwork } from './proxied-network.ts';

/** A machine, as far as the network is concerned. */
export interface Place {
  readonly name: string;
  /** Where others reach it. */
  readonly address: string;
  /** Where its servers listen. */
  readonly listensOn: string;
  /** Runs the command that follows as its arguments in this place. */
  readonly wrapper: readonly string[];
}

/** A network of places that can be cut. The test itself reaches every place, whatever is cut. What runs in the places must have ended when it is destroyed. */
export interface Network {
  /** A place whose servers may use these ports. */
  add(name: string, ports: readonly number[]): Promise<Place>;
  /** Host and port where the test reaches a port of the place. */
  door(place: Place, port: number): Promise<string>;
  /** From now on nothing gets from any of these to any of those, open connections included, and nobody is told. */
  cut(from: readonly Place[], to: readonly Place[]): Promise<void>;
  /** Takes the places from all others, both ways. */
  isolate(places: readonly Place[]): Promise<void>;
  /** Nothing is cut any more. */
  heal(): Promise<void>;
  destroy(): Promise<void>;
}

/** Of namespaces where the machine allows it; otherwise, or with `VIVACE_E2E_NETWORK=proxies`, of proxies. Says which. */
export async function createNetwork(): Promise<Network> {
  try {
    if (process.env.VIVACE_E2E_NETWORK === 'proxies') throw new Error('VIVACE_E2E_NETWORK says so');
    const network = await NamespaceNetwork.create();
    console.log('network: namespaces, packets are dropped');
    return network;
  } catch (reason) {
    console.log(`network: proxies on loopback that hold what is sent, because ${(reason as Error).message}`);
    return ProxiedNetwork.create();
  }
}

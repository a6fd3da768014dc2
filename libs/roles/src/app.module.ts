import type { DynamicModule } from '@nestjs/common';
import { AppError } from '@vivace/base';
import { AdminController, createLifecycle, LIFECYCLE, LiveController, MetricsController, ReadyController, StatusController } from '@vivace/nest';
import { ROLES } from './roles.ts';
import type { Runtime } from './runtime.ts';
import { processMetrics } from './services.ts';
import { RUNTIME } from './tokens.ts';

/** The dependency graph of the process: that of its role. */
export class AppModule {
  /** Throws `unimplemented` for a role that there is not. */
  static of(runtime: Runtime): DynamicModule {
    const { target } = runtime.config;
    const role = ROLES[target];
    if (!role) throw new AppError('unimplemented', `target ${target} is not implemented in this version, want one of ${Object.keys(ROLES).join(', ')}`);
    return {
      module: AppModule,
      controllers: [LiveController, ReadyController, MetricsController, StatusController, AdminController],
      providers: [
        { provide: RUNTIME, useValue: runtime },
        ...role.providers,
        {
          provide: LIFECYCLE,
          inject: [RUNTIME, ...role.alive],
          useFactory: (_runtime: Runtime, ...parts: never[]) =>
            createLifecycle({ services: [processMetrics(runtime), ...role.services(runtime, ...parts)], logger: runtime.logger, clock: runtime.clock }),
        },
      ],
    };
  }
}

#!/usr/bin/env node
import { main } from '@vivace/roles';

await main('metrics-generator');

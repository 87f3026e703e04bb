import { stmSuite } from '../../suites/stm.js';
import { onMemory } from './on-memory.js';

onMemory(stmSuite);

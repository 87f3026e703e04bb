import { mutexSuite } from '../../suites/mutex.js';
import { onMemory } from './on-memory.js';

onMemory(mutexSuite);

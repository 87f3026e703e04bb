/** Transactions over several keys: all or nothing, and made again when others were in between. */
import { stm, stmResult, type Transaction } from 'coterie';
import { memoryCluster } from 'coterie/memory';

const cluster = memoryCluster();
await using ada = cluster.client({ host: 'ada' });
await using bob = cluster.client({ host: 'bob' });

await stm(ada, (tx) => {
  tx.put('/acc/ada', 100);
  tx.put('/acc/bob', 20);
});

// Bob spends something while Ada's transaction is about to be committed: it runs again, with what he has left.
const { attempts } = await stmResult(ada, async (tx) => {
  const [mine = 0, his = 0] = await Promise.all([tx.get<number>('/acc/ada'), tx.get<number>('/acc/bob')]);
  if (his === 20) await stm(bob, (other) => other.put('/acc/bob', 15));
  tx.put('/acc/ada', mine - 30);
  tx.put('/acc/bob', his + 30);
});
console.log(`ada sends bob 30, in ${attempts} attempts`);

const accounts = await stm(bob, (tx) => tx.range<number>('/acc/'));
for (const [key, amount] of accounts) console.log(`${key}: ${amount}`);

// What the function throws is what stm rejects with; nothing is written then.
const overdrawn = stm(ada, (tx) => {
  tx.put('/acc/ada', -400);
  throw new Error('not enough');
});
console.log(await overdrawn.catch((error: Error) => `refused: ${error.message}`));

// Somebody is in between each time: in the end it says over what.
const meddled = async (tx: Transaction) => {
  const n = (await tx.get<number>('/n')) ?? 0;
  await stm(bob, (other) => other.put('/n', n + 1));
  tx.put('/n', n - 1);
};
console.log(await stm(ada, meddled, { maxRetries: 2 }).catch(({ code, keys }) => `${code} over ${keys}`));

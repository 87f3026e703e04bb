import { describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/core/clock.js';
import { News } from '../../../src/core/news.js';
import { firstOf, openScope } from '../../../src/core/signals.js';
import { settle } from '../../../src/testing/virtual-clock.js';

function waiting(news: News): { over: boolean } {
  const state = { over: false };
  void firstOf(openScope(systemClock, {}, ''), [news.arm]).then(() => {
    state.over = true;
  });
  return state;
}

describe('News', () => {
  test('wake one who waits, and are not there any more once they were taken', async () => {
    const news = new News();
    const wait = waiting(news);
    await settle();
    expect([wait.over, news.heard]).toEqual([false, false]);
    news.tell();
    await settle();
    expect([wait.over, news.heard]).toEqual([true, true]);
    news.take();
    expect(news.heard).toBe(false);
    const next = waiting(news);
    await settle();
    expect(next.over).toBe(false);
    news.tell();
  });

  test('that came while nobody waited are kept, as one', async () => {
    const news = new News();
    news.tell();
    news.tell();
    const wait = waiting(news);
    await settle();
    expect(wait.over).toBe(true);
    news.take();
    expect(news.heard).toBe(false);
  });

  test('end with a failure, which every take throws', async () => {
    const news = new News();
    const wait = waiting(news);
    const error = new Error('over');
    news.fail(error);
    await settle();
    expect([wait.over, news.heard]).toEqual([true, true]);
    expect(() => news.take()).toThrow(error);
    expect(() => news.take()).toThrow(error);
  });

  test('do not wake one whose wait has ended otherwise', async () => {
    const news = new News();
    const scope = openScope(systemClock, {}, '');
    let woken = 0;
    const wait = firstOf(scope, [
      (wake) =>
        news.arm(() => {
          woken++;
          wake();
        }),
    ]).catch(() => {});
    scope.abort(new Error('enough'));
    await wait;
    news.tell();
    expect(woken).toBe(0);
  });
});

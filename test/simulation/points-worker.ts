/** A process that searches the points of what it is sent, one trial after the other, and answers with what it found. */
import { type PointsShare, searchShare } from './points/search.js';

process.on('message', (share: PointsShare) => {
  void searchShare(share).then((result) => process.send?.(result));
});
process.on('disconnect', () => process.exit());

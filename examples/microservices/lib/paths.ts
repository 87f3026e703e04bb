/** Where the services meet in the store: said once, for all of them. */

export interface Paths {
  readonly all: string;
  /** The live settings of the API. */
  readonly settings: string;
  /** Where API processes register. */
  readonly registry: string;
  /** The queue of jobs. */
  readonly jobs: string;
  /** What came of each job, written with its acknowledgement. */
  readonly results: string;
  /** Who schedules. */
  readonly election: string;
  /** Who closes the books at night. */
  readonly nightly: string;
}

export function pathsBelow(prefix: string): Paths {
  return {
    all: `${prefix}/`,
    settings: `${prefix}/config/api`,
    registry: `${prefix}/services/api`,
    jobs: `${prefix}/jobs`,
    results: `${prefix}/results`,
    election: `${prefix}/elections/scheduler`,
    nightly: `${prefix}/locks/nightly`,
  };
}

/** What a job asks for: `kind` says which worker's task it is. */
export interface JobOrder {
  readonly kind: string;
}

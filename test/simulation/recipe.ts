import type { FaultName, Scenario, SeedOptions } from 'coterie/testing';

/** How a recipe is simulated. */
export interface RecipeSimulation {
  /** The recipe, as its page in docs/recipes is called. */
  readonly recipe: string;
  readonly scenario: Scenario;
  /** Faults that cannot strike it, each with the reason. Every other one has to. */
  readonly spared?: Partial<Readonly<Record<FaultName, string>>>;
  /** What has to happen in some runs (`world.sometimes`), or they would show nothing. */
  readonly sometimes: readonly string[];
  /** What is the same for all seeds. */
  readonly options?: SeedOptions;
}

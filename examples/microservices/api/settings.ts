/** The settings of the API, and the schema that they have to pass before they count. */
import type { SchemaIssue, StandardSchema } from 'coterie';

export interface Settings {
  readonly greeting: string;
  readonly limits: { readonly perSecond: number };
  readonly features: { readonly shout: boolean };
}

/** What holds where the store says nothing. */
export const defaults: Settings = { greeting: 'hello', limits: { perSecond: 100 }, features: { shout: false } };

/** A Standard Schema made by hand; one of zod, valibot or arktype does as well. */
export const schema: StandardSchema<Settings> = {
  '~standard': {
    version: 1,
    vendor: 'by hand',
    validate: (value) => {
      const issues = issuesOf(value);
      return issues.length > 0 ? { issues } : { value: value as Settings }; // There is nothing against it.
    },
  },
};

function issuesOf(value: unknown): SchemaIssue[] {
  const { greeting, limits, features } = value as { [K in keyof Settings]?: Partial<Settings[K]> };
  const perSecond = limits?.perSecond;
  const isLimit = typeof perSecond === 'number' && Number.isInteger(perSecond) && perSecond >= 1;
  const issue = (message: string, ...path: string[]): SchemaIssue => ({ message, path });
  return [
    ...(typeof greeting === 'string' && greeting !== '' ? [] : [issue('must be text, and some', 'greeting')]),
    ...(isLimit ? [] : [issue('must be a whole number from 1', 'limits', 'perSecond')]),
    ...(typeof features?.shout === 'boolean' ? [] : [issue('must be true or false', 'features', 'shout')]),
  ];
}

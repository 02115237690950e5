/** The names of an options object, each with the names below it where its value is an options object too. */
export type OptionNames<T = unknown> = unknown extends T
  ? { readonly [name: string]: true | OptionNames }
  : { readonly [K in keyof T]-?: true | OptionNames<NonNullable<T[K]>> };

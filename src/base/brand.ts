declare const name: unique symbol

/** A value of type `T` that only the minting function of `N` can make. */
export type Brand<T, N extends string> = T & { readonly [name]: N }

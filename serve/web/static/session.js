// The token of this tab. sessionStorage forgets it when the tab closes.

const KEY = "vigie.token";

export const token = () => sessionStorage.getItem(KEY);
export const signIn = (value) => sessionStorage.setItem(KEY, value);
export const signOut = () => sessionStorage.removeItem(KEY);

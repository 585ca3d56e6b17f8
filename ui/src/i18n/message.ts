/** Fills `{name}` places and `{n|one|other}` plurals of a message. */

export type Values = Record<string, string | number>;

const PLACE = /\{(\w+)(?:\|([^|}]*)\|([^}]*))?\}/g;

export function fill(message: string, values?: Values): string {
  if (values === undefined) return message;
  return message.replace(PLACE, (whole, name: string, one?: string, other?: string) => {
    const value = values[name];
    if (value === undefined) return whole;
    if (one === undefined) return typeof value === "number" ? value.toLocaleString("en-US") : value;
    return Number(value) === 1 ? one : (other ?? one);
  });
}

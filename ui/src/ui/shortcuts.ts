/** When a key press is a shortcut. Pure. */

/** 229 is what browsers send for keys that an input method has taken. */
export function isComposing(event: Pick<KeyboardEvent, "isComposing" | "keyCode">): boolean {
  return event.isComposing || event.keyCode === 229;
}

export function matches(keys: string, event: Pick<KeyboardEvent, "key" | "metaKey" | "ctrlKey" | "altKey">): boolean {
  const mod = event.metaKey || event.ctrlKey;
  if (keys.startsWith("mod+")) return mod && event.key.toLowerCase() === keys.slice(4).toLowerCase();
  if (mod || event.altKey) return false;
  if (keys === "1-9") return event.key >= "1" && event.key <= "9" && event.key.length === 1;
  return event.key === keys;
}

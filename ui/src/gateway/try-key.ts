/** A key for trying calls out: short-lived, made on demand, kept in memory only. */
import { useQueryClient } from "@tanstack/react-query";
import { createKey } from "../settings/api.ts";

const LIFE_MS = 15 * 60_000;
/** A call that begins before the key ends should end before it too. */
const MARGIN_MS = 60_000;

interface TryKey {
  secret: string;
  endsAt: number;
}

export function useTryKey(project: string, name: string): () => Promise<string> {
  const client = useQueryClient();
  const slot = ["gateway-try-key", project];
  return async () => {
    const known = client.getQueryData<TryKey>(slot);
    if (known && known.endsAt - MARGIN_MS > Date.now()) return known.secret;
    const endsAt = Date.now() + LIFE_MS;
    const made = await createKey(project, {
      name,
      scopes: ["gateway:call"],
      expires_at: new Date(endsAt).toISOString(),
    });
    client.setQueryDefaults(slot, { gcTime: LIFE_MS });
    client.setQueryData<TryKey>(slot, { secret: made.secret_key, endsAt });
    return made.secret_key;
  };
}

/** Short confirmations at the bottom, with an undo when the act can be undone. Announced politely. */
import { createContext, type ReactNode, useCallback, useContext, useMemo, useRef, useState } from "react";
import { useLocale } from "../i18n/index.tsx";
import { Button, IconButton } from "./button.tsx";
import css from "./toast.module.css";

interface Toast {
  id: number;
  text: ReactNode;
  tone: "info" | "error";
  undo?: (() => void) | undefined;
}
type Show = (text: ReactNode, options?: { tone?: "info" | "error"; undo?: () => void }) => void;

const Context = createContext<Show>(() => undefined);
export const useToast = (): Show => useContext(Context);

const SHOWN_MS = 6000;

export function ToastProvider({ children }: { children: ReactNode }) {
  const { t } = useLocale();
  const [toasts, setToasts] = useState<Toast[]>([]);
  const counter = useRef(0);
  const drop = useCallback((id: number) => setToasts((list) => list.filter((toast) => toast.id !== id)), []);
  const show = useCallback<Show>(
    (text, options) => {
      counter.current += 1;
      const id = counter.current;
      setToasts((list) => [...list.slice(-2), { id, text, tone: options?.tone ?? "info", undo: options?.undo }]);
      setTimeout(() => drop(id), SHOWN_MS);
    },
    [drop],
  );
  const value = useMemo(() => show, [show]);
  return (
    <Context value={value}>
      {children}
      <div className={css.stack} role="status" aria-live="polite">
        {toasts.map((toast) => (
          <div key={toast.id} className={css.toast} data-tone={toast.tone}>
            <span>{toast.text}</span>
            {toast.undo && (
              <Button
                variant="ghost"
                onClick={() => {
                  toast.undo?.();
                  drop(toast.id);
                }}
              >
                {t("ui.undo")}
              </Button>
            )}
            <IconButton icon="close" label={t("ui.dismiss")} onClick={() => drop(toast.id)} />
          </div>
        ))}
      </div>
    </Context>
  );
}

/** Starts the UI: the dictionary of the reader's language, the query cache, the router. */
import { QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { ApiError } from "./api/http.ts";
import { errorTextsQuery } from "./i18n/errors.ts";
import { LocaleProvider, loadMessages, preferredLanguage } from "./i18n/index.tsx";
import { buildRouter } from "./routes.tsx";
import "./ui/tokens.css";
import "./ui/base.css";
import { KeysProvider } from "./ui/keys.tsx";
import { ToastProvider } from "./ui/toast.tsx";

const client = new QueryClient({
  queryCache: new QueryCache({
    onError: (error) => {
      // A session that ended while a screen was open: sign in and come back to the same address.
      const elsewhere = /^\/(login|setup|invite)/.test(location.pathname);
      if (!(error instanceof ApiError) || error.problem.status !== 401 || elsewhere) return;
      client.removeQueries({ queryKey: ["me"] });
      void router.navigate({ to: "/login", search: { next: location.pathname + location.search } });
    },
  }),
  defaultOptions: {
    queries: {
      staleTime: 15_000,
      refetchOnWindowFocus: false,
      retry: (count, error) => count < 2 && (!(error instanceof ApiError) || error.problem.status >= 502),
    },
  },
});
const router = buildRouter(client);

const lang = preferredLanguage();
const messages = await loadMessages(lang);
createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <LocaleProvider lang={lang} messages={messages}>
      <QueryClientProvider client={client}>
        <ToastProvider>
          <KeysProvider>
            <RouterProvider router={router} />
          </KeysProvider>
        </ToastProvider>
      </QueryClientProvider>
    </LocaleProvider>
  </StrictMode>,
);

// When the page has settled: an error may well be that nothing can be fetched any more.
setTimeout(() => void client.prefetchQuery(errorTextsQuery(lang)), 3000);

/** A button that loads real demo data: says first what comes, where it comes from, and that it stays. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useProject } from "../access/project.tsx";
import { answer, api } from "../api/http.ts";
import { useLocale } from "../i18n/index.tsx";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { ErrorPanel } from "../ui/state.tsx";
import { useToast } from "../ui/toast.tsx";
import css from "./demo-data.module.css";

const loadDemoData = (project: string) =>
  answer(api.POST("/api/v1/projects/{project_id}/demo-data", { params: { path: { project_id: project } } }));

export function DemoData() {
  const { t } = useLocale();
  const { project, can } = useProject();
  const client = useQueryClient();
  const toast = useToast();
  const [open, setOpen] = useState(false);
  const load = useMutation({
    mutationFn: () => loadDemoData(project.id),
    onSuccess: (loaded) => {
      setOpen(false);
      toast(
        loaded.is_first
          ? t("demo.loaded", { spans: loaded.span_count, scores: loaded.score_count })
          : t("demo.alreadyThere", { spans: loaded.span_count }),
      );
      for (const key of ["arrivals", "newest-span"]) void client.invalidateQueries({ queryKey: [key, project.id] });
    },
  });
  if (!can("traces:write")) return null;
  return (
    <>
      <Button icon="download" onClick={() => setOpen(true)}>
        {t("demo.load")}
      </Button>
      {open && (
        <Dialog
          title={t("demo.load")}
          onClose={() => setOpen(false)}
          footer={
            <>
              <Button onClick={() => setOpen(false)}>{t("ui.cancel")}</Button>
              <Button variant="primary" busy={load.isPending} onClick={() => load.mutate()}>
                {t(load.isPending ? "demo.loading" : "demo.confirm")}
              </Button>
            </>
          }
        >
          <div className={css.text}>
            <p>{t("demo.what")}</p>
            <p>{t("demo.stays", { name: project.name })}</p>
            {load.error && <ErrorPanel error={load.error} />}
          </div>
        </Dialog>
      )}
    </>
  );
}

/** The project that the URL names, and what the reader may do in it. */
import { useSuspenseQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import type { Me, Organization, Project } from "../api/types.ts";
import { meQuery } from "./api.ts";

export type Permission = Project["permissions"][number];

export interface ProjectView {
  me: Me;
  organization: Organization;
  project: Project;
  can: (permission: Permission) => boolean;
}

export function findProject(me: Me, id: string): { organization: Organization; project: Project } | null {
  for (const organization of me.organizations) {
    const project = organization.projects.find((candidate) => candidate.id === id);
    if (project) return { organization, project };
  }
  return null;
}

export const firstProject = (me: Me): Project | null => {
  const last = localStorage.getItem("kaname.project");
  const all = me.organizations.flatMap((organization) => organization.projects);
  return all.find((project) => project.id === last) ?? all[0] ?? null;
};

export function useProjectId(): string {
  return useParams({ strict: false, select: (params) => params.project ?? "" });
}

export function useProject(): ProjectView {
  const { data: me } = useSuspenseQuery(meQuery);
  const found = findProject(me, useProjectId());
  if (found === null) throw new Error("useProject stands below the project route, which checks the id");
  return { me, ...found, can: (permission) => found.project.permissions.includes(permission) };
}

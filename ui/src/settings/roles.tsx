/** Roles: which there are, which the reader may give, and a control that picks one. */
import type { Role } from "../api/types.ts";
import { useLocale } from "../i18n/index.tsx";
import { Select } from "../ui/field.tsx";

export const ROLES = ["owner", "admin", "member", "annotator", "viewer"] as const;

/** Nobody gives, takes or invites to a role above their own. */
export const rolesUpTo = (own: Role | null): readonly Role[] => (own === null ? [] : ROLES.slice(ROLES.indexOf(own)));

export function RoleSelect(props: {
  label: string;
  value: Role | "";
  roles: readonly Role[];
  /** What stands for no role of its own. */
  inherit?: string;
  onChange: (role: Role | null) => void;
}) {
  const { t } = useLocale();
  return (
    <Select
      aria-label={props.label}
      value={props.value}
      onChange={(event) => props.onChange(event.target.value === "" ? null : (event.target.value as Role))}
    >
      {props.inherit !== undefined && <option value="">{props.inherit}</option>}
      {props.roles.map((role) => (
        <option key={role} value={role}>
          {t(`memberRole.${role}`)}
        </option>
      ))}
    </Select>
  );
}

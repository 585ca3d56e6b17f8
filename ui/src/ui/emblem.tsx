/** The open folding fan seen from its pivot: seven ribs, one dot. */
const RIBS =
  "M11.0 22.7L1.3 20.3M12.0 20.7L4.2 14.4M13.8 19.3L9.5 10.3M16.0 18.8L16.0 8.8M18.2 19.3L22.5 10.3M20.0 20.7L27.8 14.4M21.0 22.7L30.7 20.3";

export function Emblem({ size = 24 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <path d={RIBS} fill="none" stroke="var(--accent)" strokeWidth="2.2" strokeLinecap="round" />
      <circle cx="16" cy="24" r="2.8" fill="var(--accent)" />
    </svg>
  );
}

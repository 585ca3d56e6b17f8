/** Two panes with a divider that is dragged or moved by arrow keys; the size is remembered. */
import { type CSSProperties, type PointerEvent, type ReactNode, useCallback, useRef, useState } from "react";
import css from "./split.module.css";

export function useStoredNumber(key: string, initial: number): [number, (value: number) => void] {
  const [value, setValue] = useState(() => {
    const stored = Number(localStorage.getItem(`kaname.${key}`));
    return Number.isFinite(stored) && stored > 0 ? stored : initial;
  });
  const set = useCallback(
    (next: number) => {
      setValue(next);
      localStorage.setItem(`kaname.${key}`, String(Math.round(next)));
    },
    [key],
  );
  return [value, set];
}

export function Divider(props: {
  label: string;
  size: number;
  min: number;
  max: number;
  onResize: (size: number) => void;
  /** The pane being sized lies after the divider. */
  reverse?: boolean;
}) {
  const start = useRef({ x: 0, size: 0 });
  const clamp = (size: number) => Math.min(props.max, Math.max(props.min, size));
  const sign = props.reverse ? -1 : 1;
  const drag = (event: PointerEvent<HTMLDivElement>) => {
    if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
    props.onResize(clamp(start.current.size + sign * (event.clientX - start.current.x)));
  };
  return (
    <div
      role="separator"
      tabIndex={0}
      aria-label={props.label}
      aria-orientation="vertical"
      aria-valuenow={Math.round(props.size)}
      aria-valuemin={props.min}
      aria-valuemax={props.max}
      className={css.divider}
      onPointerDown={(event) => {
        start.current = { x: event.clientX, size: props.size };
        event.currentTarget.setPointerCapture(event.pointerId);
      }}
      onPointerMove={drag}
      onKeyDown={(event) => {
        if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
        event.preventDefault();
        event.stopPropagation();
        props.onResize(clamp(props.size + sign * (event.key === "ArrowRight" ? 24 : -24)));
      }}
    />
  );
}

/** `side` keeps its remembered width at the end; `children` takes the rest. */
export function SideSplit(props: {
  name: string;
  label: string;
  side: ReactNode;
  children: ReactNode;
  initial: number;
  min?: number;
  max?: number;
}) {
  const [size, setSize] = useStoredNumber(`split.${props.name}`, props.initial);
  const style = { "--side": `${size}px` } as CSSProperties;
  return (
    <div className={css.split} style={style}>
      <div className={css.main}>{props.children}</div>
      <Divider
        label={props.label}
        size={size}
        min={props.min ?? 260}
        max={props.max ?? 1100}
        onResize={setSize}
        reverse
      />
      <div className={css.side}>{props.side}</div>
    </div>
  );
}

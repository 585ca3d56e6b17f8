/** A menu button on the native popover: light dismiss and Escape come from the browser, arrows from here. */
import { type CSSProperties, type KeyboardEvent, type ReactNode, useId, useRef, useState } from "react";
import { cx } from "./classes.ts";
import { Icon, type IconName } from "./icon.tsx";
import css from "./menu.module.css";

interface PopoverProps {
  label: string;
  trigger: ReactNode;
  /** The trigger has no words: the label names it. */
  iconOnly?: boolean | undefined;
  triggerClass?: string | undefined;
  align?: "start" | "end";
  role?: "menu" | "dialog";
  children: (close: () => void) => ReactNode;
}

/** A button that opens a panel beneath it (above when there is no room). */
export function Popover(props: PopoverProps) {
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const panel = useRef<HTMLDivElement>(null);
  const [open, setOpen] = useState(false);
  const [place, setPlace] = useState<CSSProperties>({});
  const close = () => {
    panel.current?.hidePopover();
    button.current?.focus();
  };
  const position = () => {
    const box = button.current?.getBoundingClientRect();
    if (!box) return;
    const above = window.innerHeight - box.bottom < 260 && box.top > window.innerHeight - box.bottom;
    setPlace({
      ...(above ? { bottom: window.innerHeight - box.top + 4 } : { top: box.bottom + 4 }),
      ...(props.align === "end" ? { right: window.innerWidth - box.right } : { left: box.left }),
      maxHeight: (above ? box.top : window.innerHeight - box.bottom) - 16,
      minWidth: box.width,
    });
  };
  const move = (event: KeyboardEvent) => {
    // A menu inside the panel has moved already.
    if (event.defaultPrevented || (event.key !== "ArrowDown" && event.key !== "ArrowUp")) return;
    const items = [...(panel.current?.querySelectorAll<HTMLElement>("[role^=menuitem]") ?? [])];
    if (items.length === 0) return;
    event.preventDefault();
    const at = items.indexOf(document.activeElement as HTMLElement);
    const next = event.key === "ArrowDown" ? at + 1 : at - 1;
    items[(next + items.length) % items.length]?.focus();
  };
  return (
    <>
      <button
        ref={button}
        type="button"
        className={props.triggerClass ?? css.trigger}
        popoverTarget={id}
        aria-haspopup={props.role ?? "menu"}
        aria-expanded={open}
        aria-label={props.iconOnly ? props.label : undefined}
        title={props.label}
      >
        {props.trigger}
      </button>
      <div
        ref={panel}
        id={id}
        popover="auto"
        role={props.role ?? "menu"}
        tabIndex={-1}
        aria-label={props.label}
        className={css.panel}
        style={place}
        // React lets these bubble, the browser doesn't: a panel inside this one isn't this one.
        onBeforeToggle={(event) => {
          if (event.target !== event.currentTarget) return;
          if ((event as unknown as { newState: string }).newState === "open") position();
        }}
        onToggle={(event) => {
          if (event.target !== event.currentTarget) return;
          const opened = (event as unknown as { newState: string }).newState === "open";
          setOpen(opened);
          if (opened) panel.current?.querySelector<HTMLElement>("[role^=menuitem],input,button,select")?.focus();
        }}
        onKeyDown={move}
      >
        {open && props.children(close)}
      </div>
    </>
  );
}

export interface MenuItem {
  label: ReactNode;
  icon?: IconName;
  checked?: boolean;
  danger?: boolean;
  disabled?: boolean;
  run: () => void;
}

export function Menu(props: {
  label: string;
  trigger: ReactNode;
  iconOnly?: boolean | undefined;
  triggerClass?: string | undefined;
  align?: "start" | "end";
  items: (MenuItem | "line")[];
}) {
  return (
    <Popover
      label={props.label}
      trigger={props.trigger}
      iconOnly={props.iconOnly}
      triggerClass={props.triggerClass}
      align={props.align ?? "start"}
    >
      {(close) =>
        props.items.map((item, index) =>
          item === "line" ? (
            <hr key={index} className={css.line} />
          ) : (
            <button
              key={index}
              type="button"
              className={cx(css.item, item.danger && css.danger)}
              role={item.checked === undefined ? "menuitem" : "menuitemradio"}
              aria-checked={item.checked}
              disabled={item.disabled}
              onClick={() => {
                close();
                item.run();
              }}
            >
              <span className={css.slot}>
                {item.checked ? (
                  <Icon name="check" size={14} />
                ) : item.icon ? (
                  <Icon name={item.icon} size={14} />
                ) : null}
              </span>
              {item.label}
            </button>
          ),
        )
      }
    </Popover>
  );
}

// Buttons that are a sign: with a name for those who do not see it.
import type { ComponentChildren } from "preact";

interface Props {
  label: string;
  onClick: (event: MouseEvent) => void;
  class?: string;
  disabled?: boolean;
  children: ComponentChildren;
}

export function IconButton({ label, onClick, class: more, disabled, children }: Props) {
  return (
    <button class={more ?? "icon"} title={label} aria-label={label.replace(/ \(.*\)$/, "")} disabled={disabled} onClick={onClick}>
      <span aria-hidden="true">{children}</span>
    </button>
  );
}

// Rows of one height in a long list: which of them are in sight, and scrolling to one.
import type { RefObject } from "preact";
import { useLayoutEffect, useReducer, useRef } from "preact/hooks";

const BESIDE = 12;

/** The rows to draw: those in sight, and some more on either side.
 *
 * @param top how far the list is scrolled
 * @param height of what is in sight
 */
export function inSight(top: number, height: number, count: number, rowHeight: number): [number, number] {
  const most = Math.max(count * rowHeight - height, 0);
  const from = Math.min(Math.max(top, 0), most);
  return [Math.max(Math.floor(from / rowHeight) - BESIDE, 0), Math.min(Math.ceil((from + height) / rowHeight) + BESIDE, count)];
}

/** Where a list is scrolled to have a row in sight, by the shortest way, or as the last one. */
export function scrolledTo(index: number, isLast: boolean, top: number, height: number, rowHeight: number): number {
  const [begin, end] = [index * rowHeight, (index + 1) * rowHeight];
  return isLast || end > top + height ? Math.max(end - height, 0) : Math.min(top, begin);
}

/** The rows of an element that scrolls. */
export function useRows(element: RefObject<HTMLElement | null>, count: number, rowHeight: number) {
  const [, redraw] = useReducer((n: number, _: void) => n + 1, 0);
  const view = useRef({ top: 0, height: 0 });
  useLayoutEffect(() => {
    const measure = () => {
      view.current.height = element.current!.clientHeight;
      redraw();
    };
    const observer = new ResizeObserver(measure);
    observer.observe(element.current!);
    measure();
    return () => observer.disconnect();
  }, []);
  const range = (top: number) => inSight(top, view.current.height, count, rowHeight);
  const [first, last] = range(view.current.top);
  const scrolled = (top: number) => {
    view.current.top = top;
    if (range(top)[0] !== first || range(top)[1] !== last) redraw();
  };
  const show = (index: number, isLast = false) => {
    const { scrollTop, clientHeight } = element.current!;
    element.current!.scrollTop = scrolledTo(index, isLast, scrollTop, clientHeight, rowHeight);
    scrolled(element.current!.scrollTop);
  };
  return { first, last, scrolled, show };
}

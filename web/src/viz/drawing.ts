import { css } from "lit";

/** What drawings with axes have in common. */
export const drawing = css`
  :host {
    display: block;
  }
  svg {
    display: block;
    width: 100%;
    height: auto;
  }
  text {
    font-size: 12px;
    fill: var(--muted);
    font-variant-numeric: tabular-nums;
  }
  .grid {
    stroke: var(--line);
  }
  .axis {
    stroke: var(--line-strong);
  }
`;

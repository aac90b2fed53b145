import { css } from "lit";

/** The look of the frame: the bar, and three columns of which a phone shows one. */
export const frame = css`
  :host {
    display: grid;
    grid-template: auto minmax(0, 1fr) / minmax(0, 1fr);
    height: 100dvh;
    background: var(--paper);
  }
  main {
    display: grid;
    grid-template: minmax(0, 1fr) / 16rem minmax(0, 1fr);
    min-height: 0;
  }
  :host([inside]) main {
    grid-template-columns: 16rem minmax(0, 1fr) minmax(22rem, 28rem);
  }
  .top {
    display: flex;
    align-items: center;
    gap: 0.25rem;
    padding: 0.4rem 0.75rem;
    border-bottom: 1px solid var(--line);
    background: var(--surface);
  }
  h1 {
    display: flex;
    align-items: center;
    gap: 0.55rem;
    margin-inline-end: auto;
    padding-inline-start: 0.35rem;
    font-size: 1rem;
    font-weight: 650;
    letter-spacing: -0.005em;
    white-space: nowrap;
  }
  h1 svg {
    color: var(--accent);
  }
  nav,
  .inside {
    min-height: 0;
    background: var(--side);
  }
  nav {
    border-inline-end: 1px solid var(--line);
  }
  .inside {
    border-inline-start: 1px solid var(--line);
    background: var(--surface);
  }
  nav > *,
  .inside > * {
    height: 100%;
  }
  .centre {
    display: flex;
    flex-direction: column;
    min-height: 0;
    min-width: 0;
  }
  echo-talk {
    flex: 1;
  }
  .chats {
    display: none;
  }
  .coming {
    padding: 1.5rem;
    color: var(--muted);
  }
  .top a {
    display: inline-flex;
    align-items: center;
    gap: 0.4em;
    min-height: 2.25rem;
    padding: 0.25rem 0.75rem;
    border-radius: 0.5rem;
    color: inherit;
    text-decoration: none;
  }
  .top a:hover {
    background: var(--hover);
  }
  button[aria-pressed="true"] {
    background: var(--hover);
    color: var(--accent);
  }
  .memory {
    font-size: 0.875rem;
    white-space: nowrap;
  }
  .gauge {
    width: 2.5rem;
    height: 0.4rem;
    border-radius: 0.2rem;
    background: linear-gradient(currentColor 0 0) no-repeat var(--line) 0 0 /
      calc(100% * var(--held)) 100%;
    color: var(--accent);
  }
  .memory.warning .gauge {
    color: var(--warning);
  }
  .fresh {
    color: var(--accent);
  }
  .drop {
    position: fixed;
    inset: 0.75rem;
    z-index: 2;
    display: grid;
    place-items: center;
    border: 2px dashed var(--accent);
    border-radius: 1rem;
    background: color-mix(in srgb, var(--paper) 88%, transparent);
    font-size: 1.25rem;
    pointer-events: none;
  }
  @media (max-width: 68rem) {
    :host([inside]) main {
      grid-template-columns: 0 minmax(0, 1fr) minmax(20rem, 24rem);
    }
    :host([inside]) nav {
      visibility: hidden;
      border: 0;
      overflow: hidden;
    }
  }
  @media (max-width: 48rem) {
    main,
    :host([inside]) main {
      grid-template-columns: minmax(0, 1fr);
    }
    nav,
    .inside {
      border: 0;
    }
    .chats {
      display: inline-flex;
    }
    main > * {
      grid-area: 1 / 1;
    }
    main > :is(echo-settings, echo-compare, echo-requests) {
      display: contents;
    }
    /* The columns alone: dialogs open from any of them. */
    :host([column="chats"]) main > section,
    :host([column="talk"]) main > :is(nav, .inside),
    :host([column="inside"]) main > :is(nav, .centre) {
      display: none;
    }
    :host([column="chats"]) nav {
      visibility: visible;
    }
    .gauge,
    h1 svg {
      display: none;
    }
    .memory {
      padding-inline: 0.35rem;
    }
    /* Where the bar has no room for all of it, the name is cut. */
    h1 {
      display: block;
      min-width: 0;
      overflow: hidden;
      text-overflow: ellipsis;
    }
    .wide {
      position: absolute;
      width: 1px;
      height: 1px;
      overflow: hidden;
      clip-path: inset(50%);
    }
  }
  @media (max-width: 26rem) {
    .top {
      gap: 0.1rem;
      padding-inline: 0.4rem;
    }
    .top button,
    .top a {
      padding-inline: 0.4rem;
    }
    .top .memory {
      padding-inline: 0.2rem;
    }
  }
`;

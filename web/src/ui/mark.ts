/** The mark: a tree whose rings echo. The first frame in index.html gets it when it is built. */
export const MARK = `<svg
  width="22"
  height="22"
  viewBox="0 0 24 24"
  fill="none"
  stroke="currentColor"
  stroke-width="1.8"
  stroke-linecap="round"
  aria-hidden="true"
>
  <path d="M12 21v-9M12 15l-4-4M12 13l4-4" />
  <path d="M7 7a7 7 0 0 1 10 0M4 4.5a11 11 0 0 1 16 0" />
</svg>`;

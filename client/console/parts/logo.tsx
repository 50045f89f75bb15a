export function Logo() {
  return (
    <svg viewBox="0 0 16 16" aria-hidden="true">
      <rect width="16" height="16" rx="4" fill="var(--accent)" />
      <g fill="none" stroke="var(--accent-text)" strokeWidth="1.4">
        <circle cx="5" cy="5" r="1.6" />
        <circle cx="11" cy="11" r="1.6" />
        <path d="M5 6.6c0 4 2 4.4 4.4 4.4" />
      </g>
    </svg>
  );
}

import type { ReactNode } from "react";

interface PageHeadProps {
  readonly title: string;
  /** What is to be known of it at first sight. */
  readonly beside?: ReactNode;
  /** What can be done here, at the far end. */
  readonly children?: ReactNode;
}

/** The top of a page. */
export function PageHead({ title, beside, children }: PageHeadProps) {
  return (
    <div className="head">
      <h1>{title}</h1>
      {beside}
      <span className="grow" />
      {children}
    </div>
  );
}

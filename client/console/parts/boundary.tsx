import { Component, type ReactNode } from "react";
import { ProblemNotice } from "./basics.tsx";

/** Keeps what a page throws from taking the frame with it; another page, or a retry, begins anew. */
export class Boundary extends Component<{ children: ReactNode }, { error: unknown }> {
  override state = { error: undefined as unknown };

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  override render() {
    if (!this.state.error) return this.props.children;
    return (
      <div className="page">
        <ProblemNotice error={this.state.error} onRetry={() => location.reload()} />
      </div>
    );
  }
}

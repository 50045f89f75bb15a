import { TransportProvider } from "@connectrpc/connect-query";
import { QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Router } from "wouter";
import { App } from "./app.tsx";
import { useHashPath, useHashQuery } from "./browser/place.ts";
import { applyTheme } from "./browser/preferences.ts";
import { queryClient } from "./calls/query.ts";
import { transport } from "./calls/transport.ts";

applyTheme();
const root = document.getElementById("root");
if (!root) throw new Error("the page has no #root");
createRoot(root).render(
  <StrictMode>
    <TransportProvider transport={transport}>
      <QueryClientProvider client={queryClient}>
        <Router hook={useHashPath} searchHook={useHashQuery} hrefs={(path) => `#${path}`}>
          <App />
        </Router>
      </QueryClientProvider>
    </TransportProvider>
  </StrictMode>,
);

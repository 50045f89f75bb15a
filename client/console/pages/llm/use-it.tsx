import { requestOf } from "../../calls/call.ts";
import { chatMethods } from "../../data/chat/sessions.ts";
import type { Llm } from "../../data/llms.ts";
import { CallCode } from "../../parts/code.tsx";
import { text } from "../../text.ts";

export function UseIt({ llm }: { llm: Llm }) {
  /** Whatever takes an llmId takes an alias. */
  const llmId = llm.alias || llm.llmId;
  return (
    <div className="stack">
      <p className="muted">{text.llm.useHint}</p>
      <section className="card stack">
        <h2>Chat</h2>
        <CallCode method={chatMethods.chat} request={requestOf(chatMethods.chat, { llmId, message: "Hello" })} />
      </section>
      <section className="card stack">
        <h2>StreamChat</h2>
        <CallCode
          method={chatMethods.streamChat}
          request={requestOf(chatMethods.streamChat, { llmId, message: "Hello" })}
        />
      </section>
    </div>
  );
}

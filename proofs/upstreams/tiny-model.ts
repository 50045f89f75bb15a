/** A model of weights at random, which says nothing and does all that a server does for one. */
export const TINY_MODEL = String.raw`
import sys, numpy as np, gguf
w = gguf.GGUFWriter(sys.argv[1], "llama")
n, ff, heads, layers, ctx = 64, 128, 4, 1, 32768
tokens = ["<unk>", "<s>", "</s>"] + ["<0x%02X>" % i for i in range(256)] + ["\u2581" + c for c in "abcdefghijklmnopqrstuvwxyz"]
types = [2, 3, 3] + [6] * 256 + [1] * 26
w.add_context_length(ctx); w.add_embedding_length(n); w.add_block_count(layers); w.add_feed_forward_length(ff)
w.add_head_count(heads); w.add_head_count_kv(heads); w.add_layer_norm_rms_eps(1e-5); w.add_rope_dimension_count(n // heads)
w.add_tokenizer_model("llama"); w.add_token_list(tokens); w.add_token_scores([0.0] * len(tokens)); w.add_token_types(types)
w.add_bos_token_id(1); w.add_eos_token_id(2); w.add_unk_token_id(0)
w.add_chat_template("{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}assistant:")
r = np.random.default_rng(1)
def t(name, *shape): w.add_tensor(name, (r.standard_normal(shape) * 0.02).astype(np.float32))
t("token_embd.weight", len(tokens), n); w.add_tensor("output_norm.weight", np.ones(n, np.float32)); t("output.weight", len(tokens), n)
for i in range(layers):
    p = "blk.%d." % i
    w.add_tensor(p + "attn_norm.weight", np.ones(n, np.float32)); w.add_tensor(p + "ffn_norm.weight", np.ones(n, np.float32))
    for q in "qkv": t(p + "attn_" + q + ".weight", n, n)
    t(p + "attn_output.weight", n, n); t(p + "ffn_gate.weight", ff, n); t(p + "ffn_up.weight", ff, n); t(p + "ffn_down.weight", n, ff)
w.write_header_to_file(); w.write_kv_data_to_file(); w.write_tensors_to_file(); w.close()
`;

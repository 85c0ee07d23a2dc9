using AlignProp.Adapters.Configurations;

namespace AlignProp.Adapters.Tokenization;

/// <summary>The keys of a tokenizer folder's files, as transformers' CLIPTokenizer and CLIPTokenizerFast write them.</summary>
internal static class TokenizerTables
{
    /// <summary>tokenizer_config.json.</summary>
    public static ConfigClass Config { get; } = new ConfigClass("CLIPTokenizer")
        .Used("model_max_length", "bos_token", "eos_token", "pad_token", "added_tokens_decoder", "additional_special_tokens",
            "extra_special_tokens")
        .Only("\"CLIPTokenizer\"|\"CLIPTokenizerFast\"|\"OwlViTProcessor\"|\"TokenizersBackend\"|null", "tokenizer_class")
        .Only("true|null", "do_lower_case")
        .Only("false", "split_special_tokens")
        .Only("\"right\"", "padding_side", "truncation_side")
        // CLIP's byte pairs know every byte: there is no unknown word, and no space before the first.
        .Idle("unk_token", "add_prefix_space", "cls_token", "sep_token", "mask_token")
        // How ids become text again, and where files lay.
        .Idle("clean_up_tokenization_spaces", "errors", "name_or_path", "special_tokens_map_file", "tokenizer_file", "vocab_file",
            "merges_file", "processor_class", "auto_map", "model_input_names", "use_fast", "from_slow", "backend", "is_local",
            "local_files_only", "chat_template", "max_length", "max_len", "pad_to_multiple_of", "pad_token_type_id", "padding",
            "truncation", "stride", "truncation_strategy", "trust_remote_code", "image_processor_type");

    /// <summary>special_tokens_map.json.</summary>
    public static ConfigClass Map { get; } = new ConfigClass("special_tokens_map")
        .Used("bos_token", "eos_token", "pad_token", "additional_special_tokens", "extra_special_tokens")
        .Idle("unk_token", "cls_token", "sep_token", "mask_token");

    /// <summary>tokenizer.json of the tokenizers library; its clean-up and split are CLIP's, which the code has.</summary>
    public static ConfigClass Whole { get; } = new ConfigClass("tokenizer.json")
        .Used("added_tokens", "model")
        .Idle("version", "truncation", "padding", "normalizer", "pre_tokenizer", "post_processor", "decoder");

    /// <summary>The model in tokenizer.json.</summary>
    public static ConfigClass Model { get; } = new ConfigClass("BPE")
        .Used("vocab", "merges")
        .Only("\"BPE\"", "type")
        .Only("\"</w>\"", "end_of_word_suffix")
        .Only("\"\"|null", "continuing_subword_prefix")
        .Only("null|0", "dropout")
        .Only("false", "fuse_unk", "byte_fallback", "ignore_merges")
        .Idle("unk_token");

    /// <summary>One added token.</summary>
    public static ConfigClass Added { get; } = new ConfigClass("AddedToken")
        .Used("content", "id", "special", "normalized", "single_word")
        .Only("\"AddedToken\"", "__type")
        .Idle("lstrip", "rstrip");
}

namespace AlignProp.Adapters.Configurations;

/// <summary>The keys of transformers' CLIP configurations: text, image, and both in one file.</summary>
internal static class ClipTables
{
    public static ConfigClass Text { get; } = Common(new ConfigClass("CLIPTextConfig", "clip_text_model"))
        .Used("vocab_size", "hidden_size", "intermediate_size", "projection_dim", "num_hidden_layers", "num_attention_heads",
            "max_position_embeddings", "hidden_act", "layer_norm_eps", "eos_token_id")
        // The tokenizer's files say which ids begin a prompt and fill it up.
        .Idle("bos_token_id", "pad_token_id");

    public static ConfigClass Vision { get; } = Common(new ConfigClass("CLIPVisionConfig", "clip_vision_model"))
        .Used("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "image_size", "patch_size",
            "hidden_act", "layer_norm_eps")
        .Only("3", "num_channels")
        // The joint configuration's own is the one that counts.
        .Idle("projection_dim", "bos_token_id", "eos_token_id", "pad_token_id");

    public static ConfigClass Both { get; } = Common(new ConfigClass("CLIPConfig", "clip"))
        .Used("text_config", "vision_config", "text_config_dict", "vision_config_dict", "projection_dim")
        // The weights hold the trained scale.
        .Idle("logit_scale_init_value");

    /// <summary>What transformers' PretrainedConfig has written into every file, over its versions.</summary>
    private static ConfigClass Common(ConfigClass table) => table
        .Idle("architectures", "model_type", "dtype", "torch_dtype", "transformers_version", "initializer_factor",
            "initializer_range", "attention_dropout", "dropout", "hidden_dropout_prob", "output_attentions",
            "output_hidden_states", "return_dict", "use_return_dict", "use_cache", "problem_type", "id2label", "label2id",
            "num_labels", "finetuning_task", "task_specific_params", "tokenizer_class", "prefix", "sep_token_id",
            "decoder_start_token_id", "cross_attention_hidden_size", "tie_word_embeddings", "tie_encoder_decoder",
            "torchscript", "tf_legacy_loss", "use_bfloat16", "chunk_size_feed_forward", "gradient_checkpointing", "name_or_path")
        // Of text that a model writes, which CLIP does not.
        .Idle("bad_words_ids", "begin_suppress_tokens", "suppress_tokens", "diversity_penalty", "do_sample", "early_stopping",
            "encoder_no_repeat_ngram_size", "exponential_decay_length_penalty", "forced_bos_token_id", "forced_eos_token_id",
            "length_penalty", "max_length", "min_length", "no_repeat_ngram_size", "num_beam_groups", "num_beams",
            "num_return_sequences", "output_scores", "remove_invalid_values", "repetition_penalty", "return_dict_in_generate",
            "temperature", "top_k", "top_p", "typical_p")
        .Only("false", "is_encoder_decoder", "is_decoder", "add_cross_attention")
        .Only("{}", "pruned_heads");
}

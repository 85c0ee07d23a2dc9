namespace AlignProp.Adapters.Configurations;

/// <summary>The keys of PEFT's LoraConfig (adapter_config.json).</summary>
internal static class PeftTable
{
    public static ConfigClass Class { get; } = new ConfigClass("LoraConfig")
        .Used("r", "lora_alpha", "rank_pattern", "alpha_pattern", "use_rslora", "peft_type")
        // Each changes what a branch computes, or adapts other weights than a branch beside a layer.
        .Only("false", "use_dora", "lora_bias", "fan_in_fan_out", "use_qalora", "use_bdlora")
        .Only("\"none\"", "bias")
        .Only("null|[]", "modules_to_save", "layer_replication", "target_parameters", "trainable_token_indices",
            "alora_invocation_tokens")
        .Only("null|{}", "arrow_config", "kasa_config", "monteclora_config", "velora_config")
        // How the adapter was begun and trained: its matrices are the result.
        .Idle("init_lora_weights", "lora_dropout", "loftq_config", "eva_config", "corda_config", "lora_ga_config",
            "qalora_group_size", "ensure_weight_tying", "inference_mode", "megatron_config", "megatron_core", "runtime_config")
        // Which layers were adapted: the matrices' names say it.
        .Idle("target_modules", "exclude_modules", "layers_pattern", "layers_to_transform", "auto_mapping")
        // Where it comes from.
        .Idle("base_model_name_or_path", "revision", "task_type", "peft_version");
}

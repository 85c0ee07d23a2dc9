namespace AlignProp.Adapters.Inspection;

/// <summary>Tells networks by the keys of their files.</summary>
internal static class KeyPatterns
{
    /// <summary>Keys of single-file checkpoints (CompVis' and Stability's layout) by prefix, longest first.</summary>
    internal static readonly (string Prefix, PartKind Kind, string What)[] SingleFile =
    [
        ("model.diffusion_model.", PartKind.UNet, "UNet"),
        ("first_stage_model.", PartKind.Vae, "VAE"),
        ("cond_stage_model.transformer.", PartKind.TextEncoder, "text encoder (CLIP)"),
        ("cond_stage_model.model.", PartKind.TextEncoder, "text encoder (OpenCLIP)"),
        ("conditioner.embedders.0.", PartKind.TextEncoder, "text encoder 1 (CLIP)"),
        ("conditioner.embedders.1.", PartKind.TextEncoder, "text encoder 2 (OpenCLIP)"),
        ("model_ema.", PartKind.Other, "moving average of the UNet, not used"),
    ];

    /// <summary>What a file with these keys holds, when it is one network.</summary>
    internal static (PartKind Kind, string What) Of(IReadOnlyDictionary<string, TensorInfo> tensors) => tensors switch
    {
        _ when tensors.Keys.Any(IsLora) => (PartKind.Lora, "LoRA"),
        _ when Has(tensors, "owlvit.text_model.embeddings.token_embedding.weight") => (PartKind.OwlViT, "OWL-ViT detector"),
        _ when tensors.Keys.Any(k => k.StartsWith("blip.", StringComparison.Ordinal)) =>
            (PartKind.ImageReward, "ImageReward (BLIP and a head)"),
        _ when Has(tensors, "conv_in.weight") && Has(tensors, "time_embedding.linear_1.weight") => (PartKind.UNet, "UNet"),
        _ when Has(tensors, "decoder.conv_in.weight") => (PartKind.Vae, "VAE"),
        _ when Has(tensors, "visual.conv1.weight") => (PartKind.Clip, "CLIP, OpenCLIP's names"),
        _ when Has(tensors, "text_model.embeddings.token_embedding.weight")
            && tensors.Keys.Any(k => k.StartsWith("vision_model.", StringComparison.Ordinal)) =>
            (PartKind.Clip, "CLIP, transformers' names"),
        _ when Has(tensors, "text_model.embeddings.token_embedding.weight") => (PartKind.TextEncoder, "CLIP text encoder"),
        _ when Has(tensors, "layers.0.weight") && tensors.Count <= 20 => (PartKind.Head, "reward head"),
        _ => (PartKind.Other, "tensors of an unknown network"),
    };

    internal static bool IsLora(string key) =>
        key.StartsWith("lora_unet_", StringComparison.Ordinal) || key.StartsWith("lora_te", StringComparison.Ordinal)
        || LoraMarks.Any(m => key.Contains(m, StringComparison.Ordinal));

    private static readonly string[] LoraMarks =
        [".lora.down.", ".lora_A", "_lora.down.", ".lora_down.", ".lora_linear_layer.down."];

    private static bool Has(IReadOnlyDictionary<string, TensorInfo> tensors, string key) => tensors.ContainsKey(key);
}

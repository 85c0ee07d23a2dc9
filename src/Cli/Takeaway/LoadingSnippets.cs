namespace AlignProp.Cli.Takeaway;

/// <summary>How the tools load each format.</summary>
internal static class LoadingSnippets
{
    /// <summary>
    /// Said everywhere: diffusers loads a UNet in fp32, transformers 5 a text encoder in its file's own type, and the two do not
    /// multiply.
    /// </summary>
    private const string Type = "torch_dtype=torch.float32";

    /// <param name="folder">Name of the exported folder.</param>
    public static string Of(string format, AdapterSource source, BaseModel model, string folder)
    {
        var steps = source.Run?.Value("sampling.steps") is { Length: > 0 } s ? s : "30";
        var guidance = source.Run?.Value("sampling.guidance-scale") is { Length: > 0 } g ? g : "7.5";
        var prompt = (source.Run?.Pairs.Select(p => p.Prompt).FirstOrDefault() ?? "a photo of a fox")
            .Replace("\"", "'", StringComparison.Ordinal);
        var call = $"image = pipe(\"{prompt}\", num_inference_steps={steps}, guidance_scale={guidance}).images[0]";
        string Diffusers(string import, string load, string extra = "") => $"""
            ```python
            import torch
            from diffusers import DDIMScheduler, {model.Pipeline}{import}

            {(extra.Length == 0 ? $"pipe = {model.Pipeline}.from_pretrained(\"{model.Name}\", {Type})" : extra)}
            pipe.scheduler = DDIMScheduler.from_config(pipe.scheduler.config)
            {load}{(load.Length == 0 ? "" : "\n")}{call}
            ```

            """;

        return format switch
        {
            AdapterExport.Diffusers or AdapterExport.Folded =>
                Diffusers("", $"pipe.load_lora_weights(\"{folder}\", weight_name=\"pytorch_lora_weights.safetensors\")")
                + "\nStrength: `pipe.set_adapters`. "
                + (format == AdapterExport.Diffusers && source.Weights.Scale != 1
                    ? FormattableString.Invariant(
                        $"Alpha is in the file's header, which diffusers reads since 0.34: older ones would take ")
                        + FormattableString.Invariant($"{1 / source.Weights.Scale:G4} times the strength; for them export ")
                        + "diffusers-folded. "
                    : "")
                + "For ComfyUI and A1111 take the kohya format.\n",
            AdapterExport.Peft =>
                Diffusers("\nfrom peft import PeftModel", $"pipe.unet = PeftModel.from_pretrained(pipe.unet, \"{folder}\")"),
            AdapterExport.Kohya =>
                $"- ComfyUI: put `{source.Name}.safetensors` into `models/loras`, node *LoraLoaderModelOnly*, strength 1. "
                + "The adapter has no text-encoder part.\n"
                + $"- A1111: put it into `models/Lora` and write `<lora:{source.Name}:1>` into the prompt.\n"
                + "- diffusers:\n\n"
                + Diffusers("", $"pipe.load_lora_weights(\"{folder}\", weight_name=\"{source.Name}.safetensors\")"),
            _ => Diffusers(", UNet2DConditionModel", "",
                $"unet = UNet2DConditionModel.from_pretrained(\"{folder}\", {Type})\npipe = "
                + $"{model.Pipeline}.from_pretrained(\"{model.Name}\", unet=unet, {Type})"),
        };
    }
}

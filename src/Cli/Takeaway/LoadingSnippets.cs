namespace AlignProp.Cli.Takeaway;

/// <summary>How the tools load each format.</summary>
internal static class LoadingSnippets
{
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
            from diffusers import DDIMScheduler, StableDiffusionPipeline{import}

            {(extra.Length == 0 ? $"pipe = StableDiffusionPipeline.from_pretrained(\"{model.Name}\")" : extra)}
            pipe.scheduler = DDIMScheduler.from_config(pipe.scheduler.config)
            {load}{(load.Length == 0 ? "" : "\n")}{call}
            ```

            """;

        return format switch
        {
            AdapterExport.Diffusers =>
                Diffusers("", $"pipe.load_lora_weights(\"{folder}\", weight_name=\"pytorch_lora_weights.safetensors\")")
                + "\nStrength: `pipe.set_adapters`. For ComfyUI and A1111 take the kohya format.\n",
            AdapterExport.Peft =>
                Diffusers("\nfrom peft import PeftModel", $"pipe.unet = PeftModel.from_pretrained(pipe.unet, \"{folder}\")"),
            AdapterExport.Kohya =>
                $"- ComfyUI: put `{source.Name}.safetensors` into `models/loras`, node *LoraLoaderModelOnly*, strength 1. "
                + "The adapter has no text-encoder part.\n"
                + $"- A1111: put it into `models/Lora` and write `<lora:{source.Name}:1>` into the prompt.\n"
                + "- diffusers:\n\n"
                + Diffusers("", $"pipe.load_lora_weights(\"{folder}\", weight_name=\"{source.Name}.safetensors\")"),
            _ => Diffusers(", UNet2DConditionModel", "",
                $"unet = UNet2DConditionModel.from_pretrained(\"{folder}\")\npipe = "
                + $"StableDiffusionPipeline.from_pretrained(\"{model.Name}\", unet=unet)"),
        };
    }
}

namespace AlignProp.Adapters;

/// <summary>
/// Reads a LoRA file of any tool. Each key says for itself which spelling it has, so that files of several are read too; which
/// module a name is, the model's <see cref="AdapterSites"/> say, or the table of families where no model is at hand.
/// </summary>
internal static class LoraReader
{
    /// <param name="sites">Of the model it is for; null = not known.</param>
    /// <param name="strength">Of a configuration beside the file; null = what the file itself says.</param>
    /// <exception cref="LoraFormatException">
    /// No LoRA of this family, or one with parts that cannot be computed; the message names the key.
    /// </exception>
    internal static ImportedLora Import(IWeightFile file, AdapterSites? sites, PeftScaling? strength = null)
    {
        var model = sites?.Model;
        var family = DenoiserFamily.Of(model is [var first, ..] ? first.Component : SiteReader.Component);
        var assembler = new LoraAssembler(file, model);
        foreach (var key in file.Tensors.Keys)
        {
            Add(assembler, key, LoraKey.Parse(key), model, family);
        }

        // Where files of torch.save have an alpha as a plain number.
        foreach (var (key, value) in file.Metadata)
        {
            if (LoraKey.Parse(key) is { Owner: KeyOwner.Denoiser, Part: LoraPart.Alpha } parsed
                && Module(parsed.Name, model, family) is { } module)
            {
                assembler.AddAlpha(key, module, value);
            }
        }

        return assembler.Build(LoraStrength.Of(file, family.Component, strength, assembler.HasAlphas));
    }

    private static void Add(LoraAssembler assembler, string key, LoraKey parsed, AdapterSites? model, DenoiserFamily family)
    {
        if (parsed.Owner is not (KeyOwner.Denoiser or KeyOwner.Unsaid))
        {
            assembler.LeaveOut(parsed.Owner, key);
        }
        else if (ForeignKeys.Reason(key) is { } foreign)
        {
            assembler.Refuse(key, foreign);
        }
        else if (parsed.Part is { } part)
        {
            if (Module(parsed.Name, model, family) is { } module)
            {
                assembler.Add(part, key, module);
            }
            else
            {
                assembler.Refuse(key, WhyNot(parsed.Name, model, family));
            }
        }
        else if (parsed.Owner == KeyOwner.Denoiser || Module(LayerOf(key), model, family, known: true) is not null)
        {
            assembler.Refuse(key, "is a weight of the model, not a LoRA parameter; expected pairs of lora_A and lora_B, or "
                + "lora_down and lora_up");
        }
        else
        {
            assembler.LeaveOut(KeyOwner.Unsaid, key);
        }
    }

    /// <param name="known">Only names of the vocabulary: a path with dots is not taken as it stands.</param>
    private static string? Module(string name, AdapterSites? model, DenoiserFamily family, bool known = false)
    {
        if (model is not null)
        {
            // Where the name is another one of a layer that the model has, so that tools' own variants are found.
            return (model.Find(name) ?? (family.Find(name) is { } module ? model.Find(module) : null))?.Module;
        }

        return family.Find(name) ?? (!known && name.Contains('.', StringComparison.Ordinal)
            && DenoiserFamily.OfName(name) is null ? name : null);
    }

    private static string WhyNot(string name, AdapterSites? model, DenoiserFamily family)
    {
        if (DenoiserFamily.OfName(name) is { } other && other != family)
        {
            return $"belongs to a LoRA for {other.Models}; expected one for {family.Models}";
        }

        var module = family.Find(name) ?? (name.Contains('.', StringComparison.Ordinal) ? name : null);
        return model is null || module is null ? $"'{name}' is the name of no module; expected a LoRA for {family.Models}"
            : $"{model.WhyNot(module)}: an adapter of another model";
    }

    private static string LayerOf(string key) => key.LastIndexOf('.') is > 0 and var dot ? key[..dot] : key;
}

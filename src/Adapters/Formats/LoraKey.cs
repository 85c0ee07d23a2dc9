using System.Text.RegularExpressions;

namespace AlignProp.Adapters;

/// <summary>Which matrix of a branch a key holds.</summary>
internal enum LoraPart
{
    /// <summary>A.</summary>
    Down,

    /// <summary>B.</summary>
    Up,

    /// <summary>The kernel between A and B (LyCORIS' CP form of a convolution).</summary>
    Mid,

    /// <summary>Numerator of the scale.</summary>
    Alpha,
}

/// <summary>What a key adapts.</summary>
internal enum KeyOwner
{
    /// <summary>Its prefix says the denoiser.</summary>
    Denoiser,

    /// <summary>It has no prefix: the denoiser, or nothing that is known.</summary>
    Unsaid,

    /// <summary>A text encoder.</summary>
    TextEncoder,

    /// <summary>The autoencoder.</summary>
    Codec,

    /// <summary>A textual-inversion embedding that lies in the same file.</summary>
    Embedding,
}

/// <summary>A key of a LoRA file of any tool, taken apart.</summary>
/// <param name="Owner">What it adapts.</param>
/// <param name="Name">The module as the tool calls it, without prefix and suffix.</param>
/// <param name="Part">Null: no matrix or alpha of a branch.</param>
internal sealed partial record LoraKey(KeyOwner Owner, string Name, LoraPart? Part)
{
    private static readonly string[] DenoiserPrefixes =
        ["base_model.model.", "unet.", "model.diffusion_model.", "diffusion_model.", AdapterSite.KohyaPrefix, "lora_unet.",
            "lycoris_unet_", "lycoris_"];

    private static readonly string[] Wrappers = ["module.", "_orig_mod."];

    internal static LoraKey Parse(string key)
    {
        var (name, said) = (key, false);
        while (true)
        {
            if (OthersPattern().Match(name) is { Success: true } other)
            {
                return new LoraKey(other.Groups["codec"].Success ? KeyOwner.Codec
                    : other.Groups["embedding"].Success ? KeyOwner.Embedding : KeyOwner.TextEncoder, name, null);
            }

            if (Wrappers.FirstOrDefault(w => name.StartsWith(w, StringComparison.Ordinal)) is { } wrapper)
            {
                name = name[wrapper.Length..];
            }
            else if (DenoiserPrefixes.FirstOrDefault(p => name.StartsWith(p, StringComparison.Ordinal)) is { } prefix)
            {
                (name, said) = (name[prefix.Length..], true);
            }
            else
            {
                break;
            }
        }

        var owner = said ? KeyOwner.Denoiser : KeyOwner.Unsaid;
        var match = PartPattern().Match(name);
        return match.Success
            ? new LoraKey(owner, match.Groups["module"].Value + Projection(match.Groups["processor"].Value), PartOf(match))
            : new LoraKey(owner, name, null);
    }

    private static LoraPart PartOf(Match match) => match.Groups["alpha"].Success ? LoraPart.Alpha
        : match.Groups["down"].Success ? LoraPart.Down : match.Groups["up"].Success ? LoraPart.Up : LoraPart.Mid;

    private static string Projection(string processor) => processor switch
    {
        "" => "",
        "to_out" => ".to_out.0",
        _ => "." + processor,
    };

    /// <summary>
    /// Of diffusers (<c>.lora.down.weight</c>, <c>.processor.to_q_lora.down.weight</c>, <c>.lora_linear_layer</c>), PEFT
    /// (<c>.lora_A.weight</c>, with an adapter's name or none), kohya and LyCORIS (<c>.lora_down.weight</c>, <c>.lora_mid</c>).
    /// </summary>
    [GeneratedRegex(
        @"^(?<module>.+?)(\.(lora\.|lora_)?(?<alpha>alpha)(\.weight)?"
        + @"|\.(lora\.|lora_linear_layer\.|processor\.(?<processor>to_q|to_k|to_v|to_out)_lora\.)"
        + @"((?<down>down)|(?<up>up))\.weight"
        + @"|\.lora_((?<down>down|A)|(?<up>up|B)|(?<mid>mid))(\.(?!bias$|weight$)[^.]+)?(\.weight)?)$",
        RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant)]
    private static partial Regex PartPattern();

    [GeneratedRegex(
        @"^((text_encoder(_?\d)?|text_encoders|text_model|lora_te\d?|lycoris_te\d?|te\d?|cond_stage_model|conditioner"
        + @"|clip_[lgh]|t5xxl|encoder\.layers)[._]"
        + @"|(?<codec>(vae|lora_vae|first_stage_model)[._])"
        + @"|(?<embedding>bundle_emb[._]|emb_params$|string_to_|clip_[lgh]$))",
        RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant)]
    private static partial Regex OthersPattern();
}

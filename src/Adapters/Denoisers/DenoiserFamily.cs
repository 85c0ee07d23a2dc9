namespace AlignProp.Adapters;

/// <summary>
/// What a family of denoisers calls its modules outside diffusers: one row a family. Formats of LoRA files know of no family;
/// they ask this table.
/// </summary>
/// <param name="Component">Folder in diffusers' layout, and the prefix of diffusers' keys.</param>
/// <param name="Models">Which published models it is, for messages.</param>
/// <param name="Marks">Beginnings of module names, underscores for dots, that no other family has.</param>
/// <param name="Originals">
/// Of a model's modules in diffusers' names: each one's name in the family's first code. Null: not read here.
/// </param>
/// <param name="Find">
/// The module, in diffusers' names, of a name in either, dots or underscores, where no model is at hand; null if it is none.
/// </param>
internal sealed record DenoiserFamily(string Component, string Models, IReadOnlyList<string> Marks,
    Func<IReadOnlyCollection<string>, IReadOnlyDictionary<string, string>>? Originals, Func<string, string?> Find)
{
    private static readonly DenoiserFamily[] All =
    [
        new("unet", "Stable Diffusion 1, 2 or XL (a UNet)",
            ["down_blocks_", "mid_block_", "up_blocks_", "input_blocks_", "middle_block_", "output_blocks_"],
            LdmNames.UNetOriginals, UNetNames.Find),
        new("transformer", "FLUX, SD3 or another transformer",
            ["transformer_", "single_transformer_blocks_", "lora_transformer_", "double_blocks_", "single_blocks_",
                "joint_blocks_"],
            null, _ => null),
    ];

    /// <summary>The family of a component; the UNet's where there is no such row.</summary>
    internal static DenoiserFamily Of(string component) => All.FirstOrDefault(f => f.Component == component) ?? All[0];

    /// <summary>The family a module's name gives away, or null.</summary>
    internal static DenoiserFamily? OfName(string name)
    {
        var flat = name.Replace('.', '_');
        return All.FirstOrDefault(f => f.Marks.Any(m => flat.StartsWith(m, StringComparison.Ordinal)));
    }
}

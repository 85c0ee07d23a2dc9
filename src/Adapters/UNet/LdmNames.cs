using System.Text.RegularExpressions;

namespace AlignProp.Adapters;

/// <summary>
/// Keys of single-file checkpoints (CompVis' latent-diffusion layout) -> diffusers' keys, as pure functions of names. The UNet's
/// input_blocks and output_blocks are counted through all levels, so its table depends on the structure.
/// </summary>
public static partial class LdmNames
{
    public const string UNetPrefix = "model.diffusion_model.";
    public const string VaePrefix = "first_stage_model.";

    private static readonly (string From, string To)[] Resnet =
    [
        ("in_layers.0.", "norm1."), ("in_layers.2.", "conv1."), ("emb_layers.1.", "time_emb_proj."),
        ("out_layers.0.", "norm2."), ("out_layers.3.", "conv2."), ("skip_connection.", "conv_shortcut."),
    ];

    private static readonly (string From, string To)[] VaeAttention =
        [("norm.", "group_norm."), ("q.", "to_q."), ("k.", "to_k."), ("v.", "to_v."), ("proj_out.", "to_out.0.")];

    /// <summary>Prefixes of the UNet's modules there and here.</summary>
    public static IReadOnlyDictionary<string, string> UNetModules(LdmLevels unet)
    {
        ArgumentNullException.ThrowIfNull(unet);
        var (layersPerBlock, attention) = (unet.Layers, unet.Attention);
        var modules = new Dictionary<string, string>
        {
            ["time_embed.0"] = "time_embedding.linear_1",
            ["time_embed.2"] = "time_embedding.linear_2",
            ["label_emb.0.0"] = "add_embedding.linear_1",
            ["label_emb.0.2"] = "add_embedding.linear_2",
            ["input_blocks.0.0"] = "conv_in",
            ["middle_block.0"] = "mid_block.resnets.0",
            ["middle_block.1"] = "mid_block.attentions.0",
            ["middle_block.2"] = "mid_block.resnets.1",
            ["out.0"] = "conv_norm_out",
            ["out.2"] = "conv_out",
        };
        var levels = layersPerBlock.Count;
        var n = 1;
        for (var level = 0; level < levels; level++)
        {
            for (var j = 0; j < layersPerBlock[level]; j++, n++)
            {
                modules[$"input_blocks.{n}.0"] = $"down_blocks.{level}.resnets.{j}";
                modules[$"input_blocks.{n}.1"] = $"down_blocks.{level}.attentions.{j}";
            }
            if (level < levels - 1)
            {
                modules[$"input_blocks.{n++}.0.op"] = $"down_blocks.{level}.downsamplers.0.conv";
            }
        }
        n = 0;
        for (var up = 0; up < levels; up++)
        {
            var layers = layersPerBlock[levels - 1 - up] + 1;
            for (var j = 0; j < layers; j++, n++)
            {
                modules[$"output_blocks.{n}.0"] = $"up_blocks.{up}.resnets.{j}";
                var attends = attention[levels - 1 - up];
                if (attends)
                {
                    modules[$"output_blocks.{n}.1"] = $"up_blocks.{up}.attentions.{j}";
                }
                if (j == layers - 1 && up < levels - 1)
                {
                    modules[$"output_blocks.{n}.{(attends ? 2 : 1)}.conv"] = $"up_blocks.{up}.upsamplers.0.conv";
                }
            }
        }
        return modules;
    }

    /// <summary>
    /// The table for a UNet that is not known: every published one has two residual blocks a level, so that its blocks have these
    /// numbers, whichever levels attend.
    /// </summary>
    internal static Dictionary<string, string> PublishedUNetModules()
    {
        IReadOnlyList<int> layers = [2, 2, 2, 2];
        var modules = new Dictionary<string, string>(UNetModules(new LdmLevels(layers, [true, true, true, true])));
        // An upsampler is entry 2 of its block behind an attention, else entry 1.
        foreach (var (there, here) in UNetModules(new LdmLevels(layers, [false, false, false, false])))
        {
            modules.TryAdd(there, here);
        }
        return modules;
    }

    /// <summary>The other way: what CompVis' code calls the modules of a UNet that it has a name for.</summary>
    /// <param name="modules">Every layer of the UNet with weights, in diffusers' names.</param>
    internal static IReadOnlyDictionary<string, string> UNetOriginals(IReadOnlyCollection<string> modules)
    {
        var there = UNetModules(LdmLevels.OfModules(modules)).ToDictionary(m => m.Value, m => m.Key);
        var originals = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var module in modules)
        {
            for (var end = module.Length; end > 0; end = module.LastIndexOf('.', end - 1))
            {
                if (there.TryGetValue(module[..end], out var prefix))
                {
                    originals.Add(module, prefix + Original(module[end..],
                        module[..end].Contains("resnets.", StringComparison.Ordinal)));
                    break;
                }
            }
        }
        return originals;
    }

    /// <param name="key">Without <see cref="UNetPrefix"/>.</param>
    /// <param name="modules">From <see cref="UNetModules"/>.</param>
    /// <returns>Diffusers' key; an unknown key comes back as it is, and will be called unexpected.</returns>
    public static string UNet(string key, IReadOnlyDictionary<string, string> modules)
    {
        ArgumentNullException.ThrowIfNull(key);
        ArgumentNullException.ThrowIfNull(modules);
        for (var dot = key.LastIndexOf('.'); dot > 0; dot = key.LastIndexOf('.', dot - 1))
        {
            if (modules.TryGetValue(key[..dot], out var module))
            {
                var rest = key[(dot + 1)..];
                return $"{module}.{(module.Contains("resnets.", StringComparison.Ordinal) ? Renamed(rest, Resnet) : rest)}";
            }
        }
        return key;
    }

    /// <param name="key">Without <see cref="VaePrefix"/>.</param>
    /// <param name="levels">Levels of the VAE: its decoder counts them from the other end.</param>
    public static string Vae(string key, int levels)
    {
        ArgumentNullException.ThrowIfNull(key);
        key = VaeAttentionKey()
            .Replace(key, m => $"{m.Groups[1].Value}.mid_block.attentions.0.{Renamed(m.Groups[2].Value, VaeAttention)}");
        key = VaeMidKey().Replace(key, m => $"{m.Groups[1].Value}.mid_block.resnets.{Number(m.Groups[2].Value) - 1}.");
        key = VaeLevelKey().Replace(key, m =>
        {
            var (side, level) = (m.Groups[1].Value, Number(m.Groups[2].Value));
            var block = side == "decoder.up" ? $"decoder.up_blocks.{levels - 1 - level}" : $"encoder.down_blocks.{level}";
            return m.Groups[3].Value switch
            {
                "downsample." => $"{block}.downsamplers.0.",
                "upsample." => $"{block}.upsamplers.0.",
                var resnet => $"{block}.resnets.{resnet["block.".Length..]}",
            };
        });
        return key.Replace(".nin_shortcut.", ".conv_shortcut.", StringComparison.Ordinal)
            .Replace(".norm_out.", ".conv_norm_out.", StringComparison.Ordinal);
    }

    /// <param name="rest">Nothing, or a dot and the path inside the module.</param>
    private static string Original(string rest, bool resnet)
    {
        if (!resnet || rest.Length == 0)
        {
            return rest;
        }
        var (from, _) = Resnet.FirstOrDefault(n => n.To == rest[1..] + ".");
        return from is null ? rest : "." + from[..^1];
    }

    private static int Number(string digits) => int.Parse(digits, System.Globalization.CultureInfo.InvariantCulture);

    private static string Renamed(string rest, (string From, string To)[] names) =>
        names.Where(n => rest.StartsWith(n.From, StringComparison.Ordinal)).Select(n => n.To + rest[n.From.Length..])
            .FirstOrDefault(rest);

    [GeneratedRegex(@"^(encoder|decoder)\.mid\.attn_1\.(.+)$")]
    private static partial Regex VaeAttentionKey();

    [GeneratedRegex(@"^(encoder|decoder)\.mid\.block_(\d+)\.")]
    private static partial Regex VaeMidKey();

    [GeneratedRegex(@"^(encoder\.down|decoder\.up)\.(\d+)\.(downsample\.|upsample\.|block\.\d+\.)")]
    private static partial Regex VaeLevelKey();
}

/// <summary>What decides how a single file counts its UNet's blocks.</summary>
/// <param name="Layers">Residual blocks of every level on the way down.</param>
/// <param name="Attention">Whether a level has attention.</param>
public sealed record LdmLevels(IReadOnlyList<int> Layers, IReadOnlyList<bool> Attention)
{
    /// <summary>Read off the modules of a UNet in diffusers' names.</summary>
    internal static LdmLevels OfModules(IReadOnlyCollection<string> modules)
    {
        var (layers, attention) = (new List<int>(), new List<bool>());
        for (var level = 0; ; level++)
        {
            var (resnets, attentions) = ($"down_blocks.{level}.resnets.", $"down_blocks.{level}.attentions.");
            var count = modules.Where(m => m.StartsWith(resnets, StringComparison.Ordinal))
                .Select(m => m[resnets.Length..].Split('.')[0]).Distinct().Count();
            if (count == 0)
            {
                return new LdmLevels(layers, attention);
            }
            layers.Add(count);
            attention.Add(modules.Any(m => m.StartsWith(attentions, StringComparison.Ordinal)));
        }
    }

    /// <summary>Read off the keys of a single file.</summary>
    /// <param name="keys">All keys, with <see cref="LdmNames.UNetPrefix"/>.</param>
    public static LdmLevels Of(IEnumerable<string> keys)
    {
        var modules = keys.Where(k => k.StartsWith(LdmNames.UNetPrefix + "input_blocks.", StringComparison.Ordinal))
            .Select(k => string.Join('.', k[(LdmNames.UNetPrefix.Length + "input_blocks.".Length)..].Split('.').Take(3)))
                .ToHashSet(StringComparer.Ordinal);
        var (layers, attention) = (new List<int>(), new List<bool>());
        var (count, attends) = (0, false);
        for (var n = 1; ; n++)
        {
            if (modules.Contains($"{n}.0.in_layers"))
            {
                count++;
                attends |= modules.Contains($"{n}.1.transformer_blocks");
                continue;
            }
            layers.Add(count);
            attention.Add(attends);
            (count, attends) = (0, false);
            if (!modules.Contains($"{n}.0.op"))
            {
                return new LdmLevels(layers, attention);
            }
        }
    }
}

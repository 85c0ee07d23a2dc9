using System.Text;
using AlignProp.Models.Layers;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace AlignProp.Models.Files;

/// <summary>
/// A structure and the tensors of a file under its names: what is missing, unexpected or of another shape, all at once; then the parameters, one by one,
/// so that loading needs the weights' size and one tensor more.
/// </summary>
public static class StructureFill
{
    private const int Shown = 25;

    /// <summary>Fills, converts, freezes.</summary>
    /// <param name="path">For the message.</param>
    /// <param name="device">Where the parameters go; null = where they are, or the CPU.</param>
    /// <param name="dtype">Their dtype; null = what they have (fp32).</param>
    /// <exception cref="ModelFileException">The file does not fit the structure.</exception>
    public static void Fill(nn.Module module, string path, IReadOnlyDictionary<string, StoredTensor> stored, Device? device, ScalarType? dtype)
    {
        var parameters = module.named_parameters().ToList();
        if (Differences([.. parameters.Select(p => (p.name, p.parameter.shape))], stored) is { } differences)
        {
            throw new ModelFileException($"{path}: {differences}");
        }
        var owners = module.named_modules().Append((name: "", module)).DistinctBy(m => m.name).ToDictionary(m => m.name, m => m.module);
        foreach (var (name, parameter) in parameters)
        {
            using var scope = NewDisposeScope();
            var value = stored[name].Read().view(parameter.shape);
            if (parameter.device_type == DeviceType.META)
            {
                var ready = value.to(dtype ?? parameter.dtype, device ?? CPU);
                var dot = name.LastIndexOf('.');
                Assign(owners[dot < 0 ? "" : name[..dot]], name[(dot + 1)..], new Parameter(ready.contiguous(), requires_grad: false));
            }
            else
            {
                parameter.copy_(value);
            }
        }
        Weights.Freeze(module);
        if (device is not null || dtype is not null)
        {
            // What was allocated already (single numbers, modules built without a blueprint).
            module.to(device ?? CPU, dtype ?? ScalarType.Float32);
        }
    }

    /// <summary>What does not fit, in one sentence; null when all does.</summary>
    public static string? Differences(IReadOnlyList<(string Name, long[] Shape)> wanted, IReadOnlyDictionary<string, StoredTensor> stored)
    {
        var names = wanted.Select(w => w.Name).ToHashSet();
        var missing = wanted.Where(w => !stored.ContainsKey(w.Name)).Select(w => $"{w.Name} {Text(w.Shape)}").ToList();
        var unexpected = stored.Where(s => !names.Contains(s.Key) && !IsBuffer(s.Key)).Select(s => $"{s.Value.Key} {Text(s.Value.Shape)}").ToList();
        var wrong = wanted.Where(w => stored.TryGetValue(w.Name, out var s) && !Matches(s.Shape, w.Shape))
            .Select(w => $"{stored[w.Name].Key} has shape {Text(stored[w.Name].Shape)}, expected {Text(w.Shape)}").ToList();
        if (missing.Count + unexpected.Count + wrong.Count == 0)
        {
            return null;
        }
        var text = new StringBuilder("the weights do not fit the structure of its configuration: ");
        text.AppendJoin("; ", new[] { List("missing", missing), List("unexpected", unexpected), List("wrong shape", wrong) }.Where(t => t.Length > 0));
        return text.ToString();
    }

    /// <summary>Tables that old files carry and that are computed: not weights.</summary>
    private static bool IsBuffer(string name) => name.EndsWith("position_ids", StringComparison.Ordinal) || name.EndsWith("attn_mask", StringComparison.Ordinal);

    /// <summary>Old VAE files store the attention projections as 1x1 convolutions: same numbers, two axes more.</summary>
    private static bool Matches(long[] stored, long[] wanted) =>
        stored.SequenceEqual(wanted) || (stored.Length == 4 && wanted.Length == 2 && stored[2] == 1 && stored[3] == 1 && stored.AsSpan(0, 2).SequenceEqual(wanted));

    private static string List(string what, List<string> keys) => keys.Count == 0
        ? ""
        : $"{keys.Count} {what} ({string.Join(", ", keys.Take(Shown))}{(keys.Count > Shown ? $", and {keys.Count - Shown} more" : "")})";

    private static string Text(long[] shape) => $"[{string.Join(", ", shape)}]";

    private static void Assign(nn.Module owner, string name, Parameter value)
    {
        switch (owner)
        {
            case IHoldsParameters holder:
                holder.Replace(name, value);
                break;
            case Linear linear when name == "weight":
                linear.weight = value;
                break;
            case Linear linear:
                linear.bias = value;
                break;
            case Conv2d convolution when name == "weight":
                convolution.weight = value;
                break;
            case Conv2d convolution:
                convolution.bias = value;
                break;
            case GroupNorm norm when name == "weight":
                norm.weight = value;
                break;
            case GroupNorm norm:
                norm.bias = value;
                break;
            case LayerNorm norm when name == "weight":
                norm.weight = value;
                break;
            case LayerNorm norm:
                norm.bias = value;
                break;
            default:
                throw new InvalidOperationException($"{owner.GetName()}.{name} was built without memory, and nothing here can give it any");
        }
    }
}

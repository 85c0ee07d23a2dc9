using AlignProp.Adapters;
using AlignProp.Models.Files;
using static TorchSharp.torch;

namespace AlignProp.Models.Clip;

/// <summary>
/// OpenCLIP's names and layout (open_clip.model.CLIP, which HPS v2 trains) read as transformers' CLIPModel: q, k and v lie in one
/// matrix, the two projections are transposed.
/// </summary>
public static class OpenClipLayout
{
    /// <summary>Whether a file has OpenCLIP's names.</summary>
    public static bool Is(IWeightFile file) => file.Tensors.ContainsKey("visual.conv1.weight");

    /// <summary>The file's tensors under the names of <see cref="ClipModel"/>.</summary>
    public static IReadOnlyDictionary<string, StoredTensor> Read(IWeightFile file) => Read(file, "");

    /// <param name="prefix">
    /// Only the keys that begin with it, without it: Stable Diffusion's single files hold an OpenCLIP text tower inside.
    /// </param>
    public static IReadOnlyDictionary<string, StoredTensor> Read(IWeightFile file, string prefix)
    {
        var stored = new Dictionary<string, StoredTensor>();
        foreach (var (full, info) in file.Tensors.Where(t => t.Key.StartsWith(prefix, StringComparison.Ordinal)))
        {
            var key = full[prefix.Length..];
            var names = OpenClipNames.Targets(key);
            var name = names[0];
            if (names.Count > 1)
            {
                AddProjections(stored, file, full, names, info.Shape);
            }
            else if (key is "visual.proj" or "text_projection")
            {
                stored[name] = new StoredTensor(full, [.. info.Shape.Reverse()],
                    () => TensorFile.Read(file, full).t().contiguous());
            }
            else
            {
                stored[name] = new StoredTensor(full, info.Shape, () => TensorFile.Read(file, full));
            }
        }
        return stored;
    }

    private static void AddProjections(Dictionary<string, StoredTensor> stored, IWeightFile file, string key,
        IReadOnlyList<string> targets, long[] shape)
    {
        long[] part = [shape[0] / targets.Count, .. shape[1..]];
        foreach (var (index, target) in targets.Index())
        {
            stored[target] = new StoredTensor(key, part,
                () => TensorFile.Read(file, key).narrow(0, index * part[0], part[0]).contiguous());
        }
    }
}

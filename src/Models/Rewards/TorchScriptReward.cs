using System.Text;
using AlignProp.Adapters;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Rewards;

/// <summary>
/// A reward given as a TorchScript module (torch.jit.save): <c>forward(images)</c> or <c>forward(images, prompts)</c>, with
/// images [B, 3, H, W] in 0 to 1 and prompts as UTF-8 bytes [B, L] int64, zeros at the end (TorchSharp passes tensors only), to
/// one number an image, [B] or [B, 1].
/// </summary>
public sealed class TorchScriptReward : IReward
{
    private readonly jit.ScriptModule _module;
    private readonly string _path;
    private readonly bool _prompts;

    private TorchScriptReward(jit.ScriptModule module, string path, bool prompts)
    {
        (_module, _path, _prompts) = (module, path, prompts);
    }

    /// <exception cref="ModelFileException">
    /// The file is not a TorchScript module, or its forward takes something else.
    /// </exception>
    public static TorchScriptReward Load(string path, Device device)
    {
        jit.ScriptModule module;
        try
        {
            module = jit.load(path, device);
        }
        catch (Exception e) when (e is System.Runtime.InteropServices.ExternalException or IOException)
        {
            throw new ModelFileException(
                $"{path}: not a TorchScript module ({e.Message.Split('\n')[0]}); expected a file that torch.jit.save wrote", e);
        }
        module.eval();
        RequireFinite(module, path);
        foreach (var parameter in module.parameters())
        {
            parameter.requires_grad_(false);
        }
        var inputs = module.GetNumberOfInputs();
        return inputs is 1 or 2
            ? new TorchScriptReward(module, path, inputs == 2)
            : throw new ModelFileException($"{path}: forward takes {inputs} inputs; expected (images) or (images, prompts)");
    }

    private static void RequireFinite(jit.ScriptModule module, string path)
    {
        foreach (var (name, value) in module.named_parameters().Select(p => (p.name, (Tensor)p.parameter))
            .Concat(module.named_buffers().Select(b => (b.name, b.buffer))))
        {
            using var scope = NewDisposeScope();
            if (value.is_floating_point() && !value.isfinite().all().item<bool>())
            {
                throw new ModelFileException($"{path}: '{name}': holds a NaN or an infinity; expected finite numbers");
            }
        }
    }

    public Tensor Score(Tensor images, IReadOnlyList<string> prompts)
    {
        using var scope = NewDisposeScope();
        var pixels = Pixels.From(images);
        object output;
        try
        {
            output = _prompts ? _module.call(pixels, Bytes(prompts).to(images.device)) : _module.call(pixels);
        }
        catch (System.Runtime.InteropServices.ExternalException e)
        {
            throw new ModelFileException($"{_path}: forward failed: {LastLine(e.Message)}", e);
        }
        if (output is not Tensor scores || scores.numel() != images.shape[0])
        {
            throw new ModelFileException(
                $"{_path}: forward gave "
                + $"{(output is Tensor t ? $"a tensor [{string.Join(", ", t.shape)}]" : output?.GetType().Name ?? "nothing")}; "
                + $"expected one number an image, [{images.shape[0]}]");
        }
        if (images.requires_grad && !scores.requires_grad)
        {
            throw new ModelFileException(
                $"{_path}: the reward has no gradient in the images; a traced module that detaches, rounds or takes an argmax "
                + $"cannot be trained on");
        }
        return scores.to(ScalarType.Float32).view(-1).MoveToOuterDisposeScope();
    }

    public Tensor Features(Tensor images) => Thumbnail.Features(images);

    public void Dispose() => _module.Dispose();

    /// <summary>[B, L] int64: UTF-8, zeros at the end.</summary>
    private static Tensor Bytes(IReadOnlyList<string> prompts)
    {
        var texts = prompts.Select(Encoding.UTF8.GetBytes).ToList();
        var length = Math.Max(1, texts.Max(t => t.Length));
        return tensor(texts.SelectMany(t => t.Select(b => (long)b).Concat(Enumerable.Repeat(0L, length - t.Length))).ToArray(),
            [texts.Count, length]);
    }

    private static string LastLine(string message) => message.Split('\n',
        StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).LastOrDefault(l => l.Length > 0, "");
}

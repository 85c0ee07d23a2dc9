using System.Text.Json;
using AlignProp.Models.Files;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Tests;

/// <summary>Golden numbers of the reference libraries, under tests/fixtures.</summary>
internal static class Fixture
{
    /// <summary>The repository's root: the folder with the solution.</summary>
    public static string Root { get; } = FindRoot();

    public static string Path(params string[] parts) => System.IO.Path.Combine([Root, "tests", "fixtures", .. parts]);

    /// <summary>Files that may only be read where they lie beside the checkout (published weights); null elsewhere.</summary>
    public static string? Shared(params string[] parts)
    {
        for (var folder = new DirectoryInfo(Root).Parent; folder is not null; folder = folder.Parent)
        {
            var path = System.IO.Path.Combine([folder.FullName, "shared", .. parts]);
            if (System.IO.Path.Exists(path))
            {
                return path;
            }
        }
        return null;
    }

    public static Dictionary<string, Tensor> Tensors(params string[] parts) => TensorFile.ReadAll(Path(parts));

    /// <summary>
    /// Scales parameters as eps_sensitive.json says, so that a wrong epsilon shows: the last matching rule wins.
    /// </summary>
    public static void MakeEpsSensitive(nn.Module module, string component)
    {
        using var json = JsonDocument.Parse(File.ReadAllText(Path(component, "eps_sensitive.json")));
        var factors = json.RootElement.GetProperty("factors").EnumerateObject().Select(f => (f.Name, Factor: f.Value.GetSingle()))
            .ToList();
        using var noGrad = no_grad();
        foreach (var (name, parameter) in module.named_parameters())
        {
            var matching = factors.Where(f => name.Contains(f.Name, StringComparison.Ordinal)).ToList();
            if (matching.Count > 0)
            {
                parameter.mul_(matching[^1].Factor);
            }
        }
    }

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(System.IO.Path.Combine(folder.FullName, "AlignProp.Actors.sln")))
        {
            folder = folder.Parent;
        }
        return folder?.FullName ?? throw new InvalidOperationException("the tests run inside the repository");
    }
}

/// <summary>A fact that needs a file lying only beside the checkout; visibly skipped where it is absent.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class SharedFactAttribute : FactAttribute
{
    public SharedFactAttribute(string path)
    {
        if (Fixture.Shared(path.Split('/')) is null)
        {
            Skip = $"needs ../shared/{path}";
        }
    }
}

/// <summary>The same for a theory.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class SharedTheoryAttribute : TheoryAttribute
{
    public SharedTheoryAttribute(string path)
    {
        if (Fixture.Shared(path.Split('/')) is null)
        {
            Skip = $"needs ../shared/{path}";
        }
    }
}

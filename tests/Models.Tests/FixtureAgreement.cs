using System.Collections.Concurrent;
using System.Text;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Tests;

/// <summary>Compares with the reference and keeps a table of how well everything agrees (artifacts/numerics.md).</summary>
public sealed class FixtureAgreement : IDisposable
{
    public const double Forward = 1e-5;
    public const double Gradient = 1e-4;

    private static readonly ConcurrentDictionary<string, (
        string Component, string Tensor, double MaxAbs, double Relative, double Tolerance)> Rows = new();

    /// <summary>Asserts that the relative L2 distance is within the tolerance, and records the row.</summary>
    public static void Check(string component, string name, Tensor actual, Tensor expected, double tolerance)
    {
        using var scope = NewDisposeScope();
        Assert.Equal(expected.shape, actual.shape);
        var (a, e) = (actual.detach().to(ScalarType.Float64), expected.to(ScalarType.Float64));
        var difference = a - e;
        var relative = (difference.norm() / e.norm().clamp_min(1e-30)).item<double>();
        Rows[$"{component}|{name}"] = (component, name, difference.abs().max().item<double>(), relative, tolerance);
        Assert.True(relative <= tolerance, $"{component} {name}: relative L2 {relative:E2}, allowed {tolerance:E0}");
    }

    /// <summary>The largest difference over many tensors, as one row.</summary>
    public static void CheckAll(string component, string name, IReadOnlyList<(Tensor Actual, Tensor Expected)> pairs,
        double tolerance)
    {
        using var scope = NewDisposeScope();
        Check(component, name, cat(pairs.Select(p => p.Actual.flatten()).ToArray(), 0),
            cat(pairs.Select(p => p.Expected.flatten()).ToArray(), 0), tolerance);
    }

    public void Dispose()
    {
        var table = new StringBuilder(
            "| component | tensor | max abs difference | relative L2 | allowed |\n|---|---|---|---|---|\n");
        foreach (var row in Rows.Values.OrderBy(r => r.Component, StringComparer.Ordinal)
            .ThenBy(r => r.Tensor, StringComparer.Ordinal))
        {
            table.AppendLine($"| {row.Component} | {row.Tensor} | {row.MaxAbs:E1} | {row.Relative:E1} | {row.Tolerance:E0} |");
        }
        Console.WriteLine(table);
        var folder = Path.Combine(Fixture.Root, "artifacts");
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "numerics.md"), table.ToString());
    }
}

/// <summary>Every fixture test class is in it: one table at the end, and one thread for torch.</summary>
[CollectionDefinition(Name)]
public sealed class FixtureCollection : ICollectionFixture<FixtureAgreement>
{
    public const string Name = "fixtures";
}

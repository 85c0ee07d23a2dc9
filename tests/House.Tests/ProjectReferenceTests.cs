using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace AlignProp.House.Tests;

/// <summary>Projects refer to each other one way, and libraries stay in the rooms that need them.</summary>
public sealed class ProjectReferenceTests
{
    /// <summary>The library, how code that uses it is known, and the projects of src that may.</summary>
    private static readonly (string Library, string Name, string[] Rooms)[] Kept =
    [
        ("TorchSharp", "TorchSharp", ["Models", "GpuNode", "Pretraining"]),
        ("Microsoft.AspNetCore.App", "AspNetCore", ["Web", "GpuNode"]),
        ("System.CommandLine", "CommandLine", ["Cli"]),
        ("Spectre.Console", "Spectre", ["Cli"]),
        ("ScottPlot", "ScottPlot", ["Reports"]),
        ("SkiaSharp", "SkiaSharp", ["Reports", "Models", "GpuNode", "Pretraining"]),
    ];

    [Fact]
    public void Projects_refer_to_each_other_one_way()
    {
        var references = SourceProject.All.SelectMany(p => p.References.Select(r => new Edge(p.Location, r, "ProjectReference")));
        var circles = Cycles.Of([.. references]);
        Assert.True(circles.Count == 0, string.Join('\n', circles));
    }

    [Fact]
    public void Every_reference_is_to_a_project_that_is_there() =>
        Assert.All(SourceProject.All.SelectMany(p => p.References),
            r => Assert.Contains(r, SourceProject.All.Select(p => p.Location)));

    [Fact]
    public void Nothing_in_src_refers_to_tests_or_benchmarks() =>
        Assert.All(SourceProject.All.Where(p => p.Location.StartsWith("src/", StringComparison.Ordinal)),
            p => Assert.All(p.References, r => Assert.StartsWith("src/", r, StringComparison.Ordinal)));

    [Fact]
    public void Libraries_are_used_where_they_may()
    {
        var strays = SourceProject.All.Where(p => p.Location.StartsWith("src/", StringComparison.Ordinal))
            .SelectMany(p => Kept.Where(k => !k.Rooms.Contains(p.Name)).SelectMany(k => Strays(p, k.Library, k.Name)));
        Assert.Empty(strays);
    }

    [Fact]
    public void A_stray_library_is_found_in_the_project_and_in_its_code()
    {
        var sources = new Dictionary<string, string>
        {
            ["Storage/Sum.cs"] = "using static TorchSharp.torch;",
            ["Name.cs"] = "// TorchSharp\nclass Name { string Of => \"TorchSharp\"; }",
        };
        Assert.Equal(["src/Web/Web.csproj refers to TorchSharp", "src/Web/Storage/Sum.cs uses TorchSharp"],
            Strays(new SourceProject("src/Web/Web.csproj", sources, [], ["TorchSharp"]), "TorchSharp", "TorchSharp"));
    }

    private static IEnumerable<string> Strays(SourceProject project, string library, string name) =>
    [
        .. project.Libraries.Where(l => l == library).Select(l => $"{project.Location} refers to {l}"),
        .. project.Sources.Where(s => Names(s.Value).Contains(name))
            .Select(s => $"{Path.GetDirectoryName(project.Location)}/{s.Key} uses {library}"),
    ];

    /// <summary>Each name as it is written between dots; those in comments and strings are none.</summary>
    private static IEnumerable<string> Names(string source) =>
        CSharpSyntaxTree.ParseText(source).GetRoot().DescendantNodes().OfType<SimpleNameSyntax>()
            .Select(n => n.Identifier.ValueText);
}

using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace AlignProp.House.Tests;

/// <summary>The code in CONTRIBUTING.md is as the house is now.</summary>
public sealed partial class ContributingTests
{
    private static readonly IReadOnlyList<string> All = [.. Fence()
        .Matches(File.ReadAllText(Path.Combine(SourceProject.Root, "CONTRIBUTING.md"))).Select(m => m.Groups[1].Value)];

    public static TheoryData<string> Examples => [.. All];

    [Theory]
    [MemberData(nameof(Examples))]
    public void An_example_compiles(string code)
    {
        const string Implicit =
            "global using System; global using System.Collections.Generic; global using System.IO; global using System.Linq;";
        var options = new CSharpParseOptions(LanguageVersion.Latest);
        var compilation = CSharpCompilation.Create("Example",
            [CSharpSyntaxTree.ParseText(Implicit, options), CSharpSyntaxTree.ParseText(code, options)],
            ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
                .Select(a => MetadataReference.CreateFromFile(a)),
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary,
                nullableContextOptions: NullableContextOptions.Enable));
        Assert.Empty(compilation.GetDiagnostics().Where(d => d.Severity >= DiagnosticSeverity.Warning));
    }

    [Fact]
    public void There_is_an_example_of_a_method_a_key_and_a_reward() =>
        Assert.All(["IMethod", "[Key(", "IReward"],
            (string what) => Assert.Contains(All, e => e.Contains(what, StringComparison.Ordinal)));

    [GeneratedRegex("```csharp\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex Fence();
}

using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace AlignProp.House.Tests;

/// <summary>
/// Which folder of a project uses which other, by the types its code names or whose members it calls. What comes from packages is
/// not looked up: a name that means nothing without them is of no folder here.
/// </summary>
internal static class FolderUse
{
    private const string ImplicitUsings = """
        global using System;
        global using System.Collections.Generic;
        global using System.IO;
        global using System.Linq;
        global using System.Net.Http;
        global using System.Threading;
        global using System.Threading.Tasks;
        """;

    private static readonly IReadOnlyList<MetadataReference> Framework =
        [.. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Select(p => MetadataReference.CreateFromFile(p))];

    /// <param name="sources">Text by path relative to the project's folder.</param>
    /// <returns>Between different folders only; the project's own folder is called "." .</returns>
    public static IReadOnlyList<Edge> Of(IReadOnlyDictionary<string, string> sources)
    {
        var options = new CSharpParseOptions(LanguageVersion.Latest, DocumentationMode.None);
        var trees = sources.Select(s => CSharpSyntaxTree.ParseText(s.Value, options, s.Key)).ToList();
        var all = trees.Append(CSharpSyntaxTree.ParseText(ImplicitUsings, options));
        var compilation = CSharpCompilation.Create("house", all, Framework, new(OutputKind.ConsoleApplication));
        return [.. trees.SelectMany(t => Uses(t, compilation.GetSemanticModel(t))).Distinct()];
    }

    private static IEnumerable<Edge> Uses(SyntaxTree tree, SemanticModel model)
    {
        var from = FolderOf(tree.FilePath);
        var names = tree.GetRoot().DescendantNodes().Where(n => n is SimpleNameSyntax or BaseObjectCreationExpressionSyntax);
        foreach (var node in names)
        {
            var info = model.GetSymbolInfo(node);
            var symbols = info.Symbol is { } found ? [found] : info.CandidateSymbols;
            foreach (var type in symbols.Select(TopType).OfType<INamedTypeSymbol>())
            {
                var homes = type.DeclaringSyntaxReferences.Select(r => FolderOf(r.SyntaxTree.FilePath)).ToList();
                if (homes.Count > 0 && !homes.Contains(from))
                {
                    yield return new Edge(from, homes[0], $"{Path.GetFileName(tree.FilePath)} uses {type.Name}");
                }
            }
        }
    }

    /// <summary>The type at the top of a file that a symbol is, or belongs to.</summary>
    private static INamedTypeSymbol? TopType(ISymbol symbol)
    {
        var type = symbol.OriginalDefinition as INamedTypeSymbol ?? symbol.ContainingType?.OriginalDefinition;
        while (type?.ContainingType is { } outer)
        {
            type = outer;
        }
        return type;
    }

    private static string FolderOf(string path) => Path.GetDirectoryName(path) is { Length: > 0 } folder ? folder : ".";
}

using System.Xml.Linq;

namespace AlignProp.House.Tests;

/// <summary>A project as its files describe it; nothing of it is built.</summary>
/// <param name="Location">Of the csproj, relative to <see cref="Root"/>.</param>
/// <param name="Sources">Text by path relative to the project's folder.</param>
/// <param name="References">Projects it refers to, as paths like <paramref name="Location"/>.</param>
/// <param name="Libraries">Packages and frameworks it refers to itself.</param>
internal sealed record SourceProject(string Location, IReadOnlyDictionary<string, string> Sources,
    IReadOnlyList<string> References, IReadOnlyList<string> Libraries)
{
    /// <summary>The folder of the solution.</summary>
    public static string Root { get; } = FindRoot(AppContext.BaseDirectory);

    /// <summary>Name as in src/NAME/NAME.csproj.</summary>
    public string Name => Path.GetFileNameWithoutExtension(Location);

    /// <summary>Every project of the folders src, tests and benchmarks.</summary>
    public static IReadOnlyList<SourceProject> All { get; } =
        [.. new[] { "src", "tests", "benchmarks" }.SelectMany(Projects).Order(StringComparer.Ordinal).Select(Read)];

    private static IEnumerable<string> Projects(string folder) =>
        Directory.EnumerateFiles(Path.Combine(Root, folder), "*.csproj", SearchOption.AllDirectories);

    private static SourceProject Read(string path)
    {
        var folder = Path.GetDirectoryName(path)!;
        var xml = XDocument.Load(path);
        IEnumerable<string> Included(string item) =>
            xml.Descendants(item).Select(e => (string?)e.Attribute("Include")).OfType<string>();
        string FromRoot(string file) => Path.GetRelativePath(Root, Path.GetFullPath(file, folder)).Replace('\\', '/');
        var torch = xml.Descendants("UseTorch").Any(e => e.Value == "true");
        return new SourceProject(
            FromRoot(path),
            Directory.EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories)
                .Select(f => (Name: Path.GetRelativePath(folder, f).Replace('\\', '/'), File: f))
                .Where(f => !f.Name.Split('/').Any(part => part is "bin" or "obj"))
                .ToDictionary(f => f.Name, f => File.ReadAllText(f.File)),
            [.. Included("ProjectReference").Select(FromRoot)],
            [.. Included("PackageReference").Concat(Included("FrameworkReference")).Concat(torch ? ["TorchSharp"] : [])]);
    }

    private static string FindRoot(string folder) => File.Exists(Path.Combine(folder, "AlignProp.Actors.sln"))
        ? folder
        : FindRoot(Path.GetDirectoryName(folder)
            ?? throw new InvalidOperationException("AlignProp.Actors.sln is in no folder above the tests"));
}

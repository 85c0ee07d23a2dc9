namespace AlignProp.House.Tests;

/// <summary>No folder of a project uses another one that uses it.</summary>
public sealed class FolderCycleTests
{
    public static TheoryData<string> Projects =>
        [.. SourceProject.All.Select(p => p.Location)];

    [Theory]
    [MemberData(nameof(Projects))]
    public void Folders_use_each_other_one_way(string project)
    {
        var circles = CirclesOf(SourceProject.All.Single(p => p.Location == project));
        Assert.True(circles.Count == 0, $"{project}: folders in a circle; move a type\n{string.Join('\n', circles)}");
    }

    [Fact]
    public void A_circle_is_found_and_told_with_the_types_that_make_it()
    {
        var sources = new Dictionary<string, string>
        {
            ["Program.cs"] = "new House.Roof().Cover();",
            ["Top/Roof.cs"] = "namespace House; public class Roof { public void Cover() => Wall.Height.ToString(); }",
            ["Middle/Wall.cs"] = "namespace House; public static class Wall { public static int Height => Maker.Make().Depth; }",
            ["Middle/Maker.cs"] = "namespace House; public static class Maker { public static Ground Make() => new(); }",
            ["Bottom/Ground.cs"] = "namespace House; public class Ground { public int Depth => typeof(Roof).Name.Length; }",
        };
        Assert.Equal(
            """
            Bottom -> Top -> Middle -> Bottom
              Bottom -> Top: Ground.cs uses Roof
              Top -> Middle: Roof.cs uses Wall
              Middle -> Bottom: Maker.cs uses Ground, Wall.cs uses Ground
            """, Assert.Single(Cycles.Of(FolderUse.Of(sources))));
    }

    [Fact]
    public void Names_in_comments_and_texts_and_of_members_are_no_use()
    {
        var sources = new Dictionary<string, string>
        {
            ["Top/Roof.cs"] = """
                /// <summary>On a <see cref="Wall"/>.</summary>
                public class Roof { public int Wall => 1; /* Wall */ public string Text => "Wall"; }
                """,
            ["Bottom/Wall.cs"] = "public class Wall { public Roof? On { get; set; } }",
        };
        Assert.Equal([new Edge("Bottom", "Top", "Wall.cs uses Roof")], FolderUse.Of(sources));
    }

    private static IReadOnlyList<string> CirclesOf(SourceProject project) => Cycles.Of(FolderUse.Of(project.Sources));
}

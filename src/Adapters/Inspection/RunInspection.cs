namespace AlignProp.Adapters.Inspection;

/// <summary>The folder of a run of this project: <c>runs/ID/</c>.</summary>
internal static class RunInspection
{
    internal static Inspection Of(string folder)
    {
        string At(string name) => Path.Combine(folder, name);
        var problems = new List<string>();
        var facts = new List<KeyValuePair<string, string>>();
        if (File.Exists(At("metrics.jsonl")))
        {
            facts.Add(new("lines of metrics.jsonl", $"{File.ReadLines(At("metrics.jsonl")).Count()}"));
        }

        if (!File.Exists(At("journal.db")))
        {
            facts.Add(new("journal", "not here (in a database, or the run never started)"));
        }

        if (!File.Exists(At("adapter.safetensors")))
        {
            return new Inspection(folder, "run of alignprop", [], facts,
                ["adapter.safetensors is missing: no step was committed yet"], new Dictionary<string, string>());
        }

        var adapter = FileInspection.Of(At("adapter.safetensors"));
        return adapter with
        {
            Path = folder,
            Kind = $"run of alignprop; adapter.safetensors: {adapter.Kind}",
            Facts = [.. facts, .. adapter.Facts],
            Problems = [.. problems, .. adapter.Problems]
        };
    }
}

using AlignProp.Pretraining.Commands;

var commands = new Dictionary<string, Func<IReadOnlyList<string>, Task<int>>>
{
    ["dataset"] = DatasetCommand.RunAsync,
    ["jpeg-head"] = JpegHeadCommand.RunAsync,
    ["codec-fit"] = CodecFitCommand.RunAsync,
    ["dataset-sheet"] = DatasetSheetCommand.RunAsync,
};
foreach (var stage in StageCommand.Names)
{
    commands[stage] = arguments => Task.FromResult(StageCommand.Run(stage, arguments));
}

if (args.Length == 0 || !commands.TryGetValue(args[0], out var command))
{
    Console.Error.WriteLine($"usage: {string.Join(" | ", commands.Keys)} [--option value ...]");
    return 2;
}

try
{
    return await command(args[1..]);
}
catch (ArgumentException problem)
{
    Console.Error.WriteLine(problem.Message);
    return 2;
}

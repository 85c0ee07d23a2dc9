using System.CommandLine;
using AlignProp.Coordinator.Configuration;
using AlignProp.Coordinator.Runs;

namespace AlignProp.Coordinator.Commands;

/// <summary><c>sample PROMPT</c>: pictures with or without an adapter, by a GpuNode process.</summary>
internal static class SampleCommand
{
    public static Command Create(TextWriter output, TextWriter error, CancellationToken interrupted)
    {
        var prompt = new Argument<string>("prompt");
        var adapter = new Option<string?>("--adapter") { Description = "LoRA file (diffusers or kohya names)." };
        var model = new Option<string>("--model") { Description = "Diffusers folder or single-file checkpoint.", DefaultValueFactory = _ => "models/emoji-diffusion" };
        var tokenizer = new Option<string>("--tokenizer") { Description = "For a single file: folder with vocab.json and merges.txt.", DefaultValueFactory = _ => "" };
        var seed = new Option<int>("--seed");
        var count = new Option<int>("--count") { DefaultValueFactory = _ => 4 };
        var steps = new Option<int>("--steps") { DefaultValueFactory = _ => 20 };
        var guidance = new Option<double>("--guidance") { DefaultValueFactory = _ => 3 };
        var path = new Option<string>("--out") { DefaultValueFactory = _ => "sample.png" };
        var command = new Command("sample", "Makes pictures of a prompt, with or without an adapter.") { prompt, adapter, model, tokenizer, seed, count, steps, guidance, path };
        command.SetAction(async (parsed, _) =>
        {
            var folder = parsed.GetValue(model)!;
            folder = Path.Exists(folder) ? folder : ProjectFolder.Find(folder) ?? folder;
            ModelFolderCheck.Model(folder, parsed.GetValue(tokenizer)!);
            List<string> arguments = ["sample", "--model", folder, "--tokenizer", parsed.GetValue(tokenizer)!, "--prompt", parsed.GetValue(prompt)!, "--seed", $"{parsed.GetValue(seed)}", "--count", $"{parsed.GetValue(count)}",
                "--steps", $"{parsed.GetValue(steps)}", "--guidance", $"{parsed.GetValue(guidance)}", "--out", parsed.GetValue(path)!];
            if (parsed.GetValue(adapter) is { } file)
            {
                arguments.AddRange(["--adapter", file]);
            }
            var start = NodeProcesses.StartInfo(NodeProcesses.Executable(), Environment.ProcessorCount, arguments);
            using var process = System.Diagnostics.Process.Start(start)!;
            var (said, complained) = (process.StandardOutput.ReadToEndAsync(interrupted), process.StandardError.ReadToEndAsync(interrupted));
            await process.WaitForExitAsync(interrupted);
            output.Write(await said);
            error.Write(await complained);
            return process.ExitCode;
        });
        return command;
    }
}

using System.CommandLine;
using AlignProp.Adapters;
using AlignProp.Coordinator.Configuration;

namespace AlignProp.Coordinator.Commands;

/// <summary><c>export RUN</c>: the adapter in the names of another tool.</summary>
internal static class ExportCommand
{
    public static Command Create(TextWriter output)
    {
        var id = new Argument<string>("run-id");
        var format = new Option<string>("--format") { Description = "diffusers or kohya (ComfyUI, A1111).", DefaultValueFactory = _ => "kohya" };
        var path = new Option<string>("--out") { DefaultValueFactory = _ => "adapter.kohya.safetensors" };
        var runs = RunOptions.Runs();
        var command = new Command("export", "Writes a run's adapter in the names of another tool.") { id, format, path, runs };
        command.SetAction(parsed =>
        {
            var weights = DiffusersLoraFormat.Read(RunFolder.FindRun(parsed.GetValue(runs)!, parsed.GetValue(id)).Adapter);
            switch (parsed.GetValue(format))
            {
                case "kohya":
                    KohyaLoraFormat.Write(parsed.GetValue(path)!, weights);
                    break;
                case "diffusers":
                    DiffusersLoraFormat.Write(parsed.GetValue(path)!, weights);
                    break;
                default:
                    throw new ConfigException($"--format {parsed.GetValue(format)}: expected diffusers or kohya");
            }
            output.WriteLine(parsed.GetValue(path));
        });
        return command;
    }
}

using System.Diagnostics;
using AlignProp.Coordinator.Runs;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;

namespace AlignProp.Cli.Pictures;

/// <summary>A GpuNode process of its own that draws and scores pictures: the coordinator has no torch.</summary>
internal sealed class PictureStudio : IDisposable
{
    /// <summary>Pictures and adapters of this request, until <see cref="Dispose"/>.</summary>
    public string Folder { get; } = Directory.CreateTempSubdirectory("alignprop-pictures-").FullName;

    /// <exception cref="ConfigException">
    /// The node is not built, or refuses the model, an adapter or a reward; its words say why.
    /// </exception>
    /// <exception cref="OperationCanceledException">Interrupted; the process is ended.</exception>
    public async Task<PictureResult> DrawAsync(PictureRequest request, TextWriter error, CancellationToken interrupted)
    {
        var path = Path.Combine(Folder, "request.json");
        PictureRequest.Write(path, request);
        var threads = request.Threads > 0 ? request.Threads : Environment.ProcessorCount;
        using var process =
            Process.Start(NodeProcesses.StartInfo(NodeProcesses.Executable(), threads, ["pictures", "--request", path]))!;
        process.StandardInput.Close();
        var (said, complained) = (process.StandardOutput.ReadToEndAsync(CancellationToken.None),
            process.StandardError.ReadToEndAsync(CancellationToken.None));
        try
        {
            await process.WaitForExitAsync(interrupted);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }
        await said;
        var words = (await complained).Trim();
        if (process.ExitCode == 2)
        {
            throw new ConfigException(words.Split('\n')[^1]);
        }
        if (process.ExitCode != 0)
        {
            throw new ConfigException(
                $"the node that was to draw ended with exit code {process.ExitCode}: {words.Split('\n')[0]}");
        }
        if (words.Length > 0)
        {
            error.WriteLine(words);
        }
        return PictureRequest.Read<PictureResult>(PictureRequest.ResultFile(Folder));
    }

    public byte[] Bytes(Picture picture) => File.ReadAllBytes(Path.Combine(Folder, picture.File));

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}

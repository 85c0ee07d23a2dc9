using System.IO.Compression;
using System.Text;
using System.Text.RegularExpressions;
using AlignProp.Coordinator.Storage;
using AlignProp.Reports;
using AlignProp.Web.Status;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace AlignProp.Web.Control;

/// <summary>
/// What can be taken away of a run: a few files by name, its pictures, and two things that are made when asked for. Nothing else
/// of the folder: no journal, no logs, no address; and no link that leads out of it.
/// </summary>
internal static partial class FileEndpoints
{
    private const string Csv = "metrics.csv", Pictures = "pictures.zip";

    private static readonly (string Name, string Type, string What)[] Named =
    [
        ("adapter.safetensors", "application/octet-stream", "the LoRA, diffusers key names"),
        ("adapter.best.safetensors", "application/octet-stream", "the LoRA of the best evaluation"),
        ("run.conf", "text/plain; charset=utf-8", "the resolved run file"),
        ("metrics.jsonl", "application/x-ndjson", "every step and evaluation"),
        ("events.jsonl", "application/x-ndjson", "what happened"),
        ("grid.png", "image/png", "before and after"),
        ("reward.png", "image/png", "the reward's curve"),
    ];

    public static void Map(IEndpointRouteBuilder routes, RunDirectory run)
    {
        routes.MapGet("/api/files", () => Results.Json(List(run), RunHistory.Json));
        routes.MapGet($"/api/files/{Csv}", (HttpContext context) =>
        {
            Attach(context, run, Csv);
            context.Response.ContentType = "text/csv; charset=utf-8";
            return context.Response.WriteAsync(MetricsCsv.Render(MetricsLog.Read(run.Metrics)), Encoding.UTF8,
                context.RequestAborted);
        });
        routes.MapGet($"/api/files/{Pictures}", (HttpContext context) => ZipAsync(context, run));
        routes.MapGet("/api/files/{**name}", (HttpContext context, string name) =>
        {
            if (Find(run, name) is not { } file)
            {
                return ControlServer.Refuse(context, StatusCodes.Status404NotFound,
                    $"{name}: no file of this run that is given away; /api/files lists what is");
            }
            if (name.StartsWith("pictures/", StringComparison.Ordinal))
            {
                return Results.File(file, "image/png").ExecuteAsync(context);
            }
            Attach(context, run, name);
            return Results.File(file, Named.First(n => n.Name == name).Type).ExecuteAsync(context);
        });
    }

    /// <summary>Path on this server of a picture as it was made, where it is kept.</summary>
    public static string? Large(RunDirectory run, string set, int index) =>
        $"pictures/{set}/{PictureSet.NameOf(index)}" is var name && Find(run, name) is not null ? $"/api/files/{name}" : null;

    private static IEnumerable<FileEntry> List(RunDirectory run)
    {
        foreach (var (name, _, what) in Named)
        {
            if (Find(run, name) is { } path)
            {
                yield return Entry(name, what, new FileInfo(path).Length);
            }
        }
        if (File.Exists(run.Metrics))
        {
            yield return Entry(Csv, "the metrics as a table", null);
        }
        if (PictureNames(run).Any())
        {
            yield return Entry(Pictures, "pictures of every kept evaluation", null);
        }

        static FileEntry Entry(string name, string what, long? bytes) => new(name, what, bytes, $"/api/files/{name}");
    }

    /// <summary>The file on disk of a name that may be asked for; null of every other.</summary>
    private static string? Find(RunDirectory run, string name)
    {
        if (!Named.Any(n => n.Name == name) && !PictureName().IsMatch(name))
        {
            return null;
        }
        // Part by part: a link, of a file or of a folder, may lead out of the run.
        FileSystemInfo part = new DirectoryInfo(run.Folder);
        foreach (var next in name.Split('/'))
        {
            part = Path.Combine(part.FullName, next) is var path && Directory.Exists(path) ? new DirectoryInfo(path)
                : new FileInfo(path);
            if (!part.Exists || part.LinkTarget is not null)
            {
                return null;
            }
        }
        return part is FileInfo ? part.FullName : null;
    }

    private static IEnumerable<string> PictureNames(RunDirectory run)
    {
        var root = Path.Combine(run.Folder, "pictures");
        return !Directory.Exists(root) ? []
            : Directory.EnumerateFiles(root, "*.png", SearchOption.AllDirectories)
                .Select(f => Path.GetRelativePath(run.Folder, f).Replace(Path.DirectorySeparatorChar, '/'))
                .Where(n => Find(run, n) is not null).Order(StringComparer.Ordinal);
    }

    private static async Task ZipAsync(HttpContext context, RunDirectory run)
    {
        var names = PictureNames(run).ToList();
        if (names.Count == 0)
        {
            await ControlServer.Refuse(context, StatusCodes.Status404NotFound, "this run has no pictures yet");
            return;
        }
        // On disk, not in memory, and whole before the first byte is sent.
        await using var file = new FileStream(Path.Combine(Path.GetTempPath(), $"alignprop-{Guid.NewGuid():N}.zip"),
            FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, 65536,
                FileOptions.DeleteOnClose | FileOptions.Asynchronous);
        using (var zip = new ZipArchive(file, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var name in names)
            {
                // A training run may drop an old evaluation meanwhile.
                if (Find(run, name) is { } path && await ReadAsync(path, context.RequestAborted) is { } png)
                {
                    // PNG is compressed already.
                    await using var entry = zip.CreateEntry(name, CompressionLevel.NoCompression).Open();
                    await entry.WriteAsync(png, context.RequestAborted);
                }
            }
        }
        file.Position = 0;
        Attach(context, run, Pictures);
        context.Response.ContentType = "application/zip";
        context.Response.ContentLength = file.Length;
        await file.CopyToAsync(context.Response.Body, context.RequestAborted);
    }

    private static async Task<byte[]?> ReadAsync(string path, CancellationToken gone)
    {
        try
        {
            return await File.ReadAllBytesAsync(path, gone);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    /// <summary>To be saved, under a name that says of which run it is.</summary>
    private static void Attach(HttpContext context, RunDirectory run, string name)
    {
        var id = string.Concat(run.Id.Select(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' ? c : '_'));
        context.Response.Headers.ContentDisposition = $"attachment; filename=\"{id}-{name}\"";
    }

    [GeneratedRegex(@"\Apictures/(before|after|evaluations/[0-9]{6,9})/[0-9]{3,6}\.png\z")]
    private static partial Regex PictureName();
}

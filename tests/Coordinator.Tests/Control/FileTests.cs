using System.IO.Compression;
using System.Net;
using System.Net.Sockets;
using System.Text;
using AlignProp.Coordinator.Runs;
using AlignProp.Coordinator.Tests.Reports;
using AlignProp.Reports;
using SkiaSharp;

namespace AlignProp.Coordinator.Tests.Control;

/// <summary>What can be taken away of a run, and that nothing else can.</summary>
public sealed class FileTests
{
    private static readonly EvaluatedSample Cat = new("a cat", true, 7, 4.5, ReportFolder.Image(SKColors.Red));

    [Fact]
    public async Task Files_table_and_pictures_are_listed_and_come_as_they_are()
    {
        await using var server = await TestServer.StartAsync();
        Assert.Empty((await server.GetAsync("/api/files")).EnumerateArray());
        Assert.Equal(HttpStatusCode.NotFound, (await AskAsync(server, "/api/files/pictures.zip")).StatusCode);

        server.Report(new RunStarted("made-up", 0, 4, 8, 2, 100), ReportFolder.Evaluation(0, 4.0, Cat), ReportFolder.Step(1),
            ReportFolder.Evaluation(1, 4.5, Cat));
        File.WriteAllBytes(server.Run.Adapter, [1, 2, 3]);
        PictureSet.Save(Path.Combine(server.Run.Folder, "pictures", "before"),
            SamplePicture.Of(ReportFolder.Evaluation(0, 1, Cat)));
        PictureSet.Save(Path.Combine(server.Run.Folder, "pictures", "after"),
            SamplePicture.Of(ReportFolder.Evaluation(1, 1, Cat)));
        var listed = (await server.GetAsync("/api/files")).EnumerateArray()
            .Select(f => f.GetProperty("name").GetString()!).ToList();
        Assert.Equal(["adapter.safetensors", "metrics.jsonl", "events.jsonl", "metrics.csv", "pictures.zip"], listed);

        var adapter = await AskAsync(server, "/api/files/adapter.safetensors");
        Assert.Equal([1, 2, 3], await adapter.Content.ReadAsByteArrayAsync());
        Assert.Equal("made-up-folder-adapter.safetensors", adapter.Content.Headers.ContentDisposition?.FileName?.Trim('"'));
        var csv = await AskAsync(server, "/api/files/metrics.csv");
        Assert.Equal("text/csv", csv.Content.Headers.ContentType?.MediaType);
        Assert.Equal(["kind", "evaluation", "step", "evaluation", ""],
            (await csv.Content.ReadAsStringAsync()).Split("\r\n").Select(l => l.Split(',')[0]));

        using var zip = new ZipArchive(await (await AskAsync(server, "/api/files/pictures.zip")).Content.ReadAsStreamAsync());
        Assert.Equal(["pictures/after/000.png", "pictures/before/000.png", "pictures/evaluations/000000/000.png",
            "pictures/evaluations/000001/000.png"], zip.Entries.Select(e => e.FullName));
        using var picture = new MemoryStream();
        await using (var entry = zip.Entries[0].Open())
        {
            await entry.CopyToAsync(picture);
        }
        Assert.Equal(ReportFolder.Picture(SKColors.Red), picture.ToArray());

        var images = await server.GetAsync("/api/images");
        var large = images[1].GetProperty("images")[0].GetProperty("large").GetString()!;
        Assert.Equal("/api/files/pictures/after/000.png", large);
        Assert.Equal("image/png", (await AskAsync(server, large)).Content.Headers.ContentType?.MediaType);
    }

    [Theory]
    [InlineData("run.json")]
    [InlineData("journal.db")]
    [InlineData("coordinator.url")]
    [InlineData("logs/node.log")]
    [InlineData("blobs/x")]
    [InlineData("secret.txt")]
    [InlineData("../secret.txt")]
    [InlineData("..%2fsecret.txt")]
    [InlineData("%2e%2e/secret.txt")]
    [InlineData("%2e%2e%2fsecret.txt")]
    [InlineData("..%5csecret.txt")]
    [InlineData("pictures/../../secret.txt")]
    [InlineData("pictures/%2e%2e/%2e%2e/secret.txt")]
    [InlineData("pictures/before/../../../secret.txt")]
    [InlineData("pictures/before/..%2f..%2f000.png")]
    [InlineData("pictures/before/000.png%00")]
    [InlineData("pictures/before/000.png%0a")]
    [InlineData("pictures/before/index.json")]
    [InlineData("pictures/evaluations/000000/")]
    [InlineData("/etc/passwd")]
    [InlineData("%2fetc%2fpasswd")]
    [InlineData("Adapter.safetensors")]
    [InlineData("adapter.safetensors/")]
    [InlineData("./adapter.safetensors/../run.json")]
    public async Task Nothing_else_is_given_away_however_it_is_written(string name)
    {
        await using var server = await TestServer.StartAsync();
        foreach (var file in new[] { "run.json", "journal.db", "coordinator.url", "secret.txt", "../secret.txt",
            "adapter.safetensors" })
        {
            File.WriteAllText(Path.Combine(server.Run.Folder, file), "secret");
        }
        // As it is written: a client of .NET would shorten the path before it asks.
        var (status, body) = await RawAsync(server, $"/api/files/{name}");
        Assert.InRange(status, 400, 499);
        Assert.DoesNotContain("secret\"", body.Replace("secret.txt", "", StringComparison.Ordinal));
        Assert.False(body.EndsWith("secret", StringComparison.Ordinal), body);
    }

    [Fact]
    public async Task A_link_out_of_the_run_is_not_followed()
    {
        await using var server = await TestServer.StartAsync();
        var outside = Directory.CreateDirectory(Path.Combine(server.Run.Folder, "..", "outside")).FullName;
        File.WriteAllText(Path.Combine(outside, "000.png"), "secret");
        File.CreateSymbolicLink(server.Run.Adapter, Path.Combine(outside, "000.png"));
        Directory.CreateDirectory(Path.Combine(server.Run.Folder, "pictures"));
        Directory.CreateSymbolicLink(Path.Combine(server.Run.Folder, "pictures", "before"), outside);
        foreach (var name in new[] { "adapter.safetensors", "pictures/before/000.png", "pictures.zip" })
        {
            Assert.Equal(HttpStatusCode.NotFound, (await AskAsync(server, $"/api/files/{name}")).StatusCode);
        }
        Assert.Empty((await server.GetAsync("/api/files")).EnumerateArray());
    }

    [Fact]
    public async Task Other_runs_are_listed_newest_first_and_give_their_metrics_only()
    {
        await using var server = await TestServer.StartAsync();
        File.WriteAllText(server.Run.Config, "");
        var other = server.Beside("other-run");
        MetricsLog.Append(other.Metrics, MetricsLine.Of(ReportFolder.Step(3))!);
        MetricsLog.Append(other.Metrics, MetricsLine.Of(ReportFolder.Evaluation(3, 4.5))!);
        var runs = (await server.GetAsync("/api/runs")).EnumerateArray().ToDictionary(r => r.GetProperty("id").GetString()!);
        Assert.Equal(["made-up-folder", "other-run"], runs.Keys.Order());
        Assert.True(runs["made-up-folder"].GetProperty("current").GetBoolean());
        Assert.Equal((3, 4.5, 0.2), (runs["other-run"].GetProperty("step").GetInt32(),
            runs["other-run"].GetProperty("heldOut").GetDouble(), runs["other-run"].GetProperty("std").GetDouble()));
        Assert.Equal(2, (await server.GetAsync("/api/runs/other-run/metrics")).GetArrayLength());
        Assert.Equal(0, (await server.GetAsync("/api/runs/other-run/metrics?after=3")).GetArrayLength());
        foreach (var id in new[] { "nosuch", "..%2fother-run", "other-run%2f..%2fother-run", "other-run%00" })
        {
            Assert.InRange((await RawAsync(server, $"/api/runs/{id}/metrics")).Status, 400, 499);
        }
    }

    [Theory]
    [InlineData("board.js", "text/javascript")]
    [InlineData("charts.css", "text/css")]
    public async Task The_charts_come_from_this_server(string file, string type)
    {
        await using var server = await TestServer.StartAsync(TestServer.Token);
        var response = await AskAsync(server, $"/assets/{file}");
        Assert.Equal((HttpStatusCode.OK, type), (response.StatusCode, response.Content.Headers.ContentType?.MediaType));
    }

    private static Task<HttpResponseMessage> AskAsync(TestServer server, string path) =>
        server.Client.GetAsync(new Uri(path, UriKind.Relative));

    private static async Task<(int Status, string Body)> RawAsync(TestServer server, string path)
    {
        using var client = new TcpClient();
        var url = new Uri(server.Url);
        await client.ConnectAsync(url.Host, url.Port);
        await using var stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(
            $"GET {path} HTTP/1.1\r\nHost: {url.Authority}\r\nConnection: close\r\n\r\n"));
        using var reader = new StreamReader(stream);
        var answer = await reader.ReadToEndAsync();
        return (int.Parse(answer.Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture), answer);
    }
}

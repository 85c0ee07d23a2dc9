using AlignProp.Reports.Charts;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace AlignProp.Web.Control;

/// <summary>
/// The dashboard's own files and the charts', embedded: the same for everybody, and nothing from anywhere else.
/// </summary>
internal static class PageEndpoints
{
    private const string Prefix = "page/";

    private static readonly Dictionary<string, string> Types = new()
    {
        [".html"] = "text/html",
        [".css"] = "text/css",
        [".js"] = "text/javascript",
        [".svg"] = "image/svg+xml"
    };

    private static readonly IReadOnlyDictionary<string, byte[]> Files = typeof(PageEndpoints).Assembly.GetManifestResourceNames()
        .Where(name => name.StartsWith(Prefix, StringComparison.Ordinal))
        .Select(name => KeyValuePair.Create(name[Prefix.Length..], Read(name))).Concat(ChartAssets.Files).ToDictionary();

    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/", (HttpContext context) => SendAsync(context, "index.html"));
        routes.MapGet("/assets/{file}", (HttpContext context, string file) => SendAsync(context, file));
    }

    private static Task SendAsync(HttpContext context, string file)
    {
        if (!Files.TryGetValue(file, out var content))
        {
            return ControlServer.Refuse(context, StatusCodes.Status404NotFound, $"{context.Request.Path}: no such file");
        }
        context.Response.ContentType = $"{Types[Path.GetExtension(file)]}; charset=utf-8";
        context.Response.ContentLength = content.Length;
        return context.Response.Body.WriteAsync(content, context.RequestAborted).AsTask();
    }

    private static byte[] Read(string name)
    {
        using var stream = typeof(PageEndpoints).Assembly.GetManifestResourceStream(name)!;
        using var memory = new MemoryStream();
        stream.CopyTo(memory);
        return memory.ToArray();
    }
}

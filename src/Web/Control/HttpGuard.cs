using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace AlignProp.Web.Control;

/// <summary>
/// Who may ask. With a token: whoever brings it (Authorization: Bearer, or the cookie the page got for it). On the loopback
/// without one: whoever is on this machine, but no other web page of its browsers, neither by a name that resolves to the
/// loopback (Host) nor by a form or script of its own (Origin, content type).
/// </summary>
public sealed class HttpGuard(HttpSettings settings)
{
    private const string Policy =
        "default-src 'self'; img-src 'self' blob: data:; style-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors "
        + "'none'";

    // What the cookie says is not the token, and is worthless when this process has ended.
    private readonly string _session = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32));

    /// <summary>Why the request is refused and with which status, or null.</summary>
    public (int Status, string Detail)? Refusal(HttpRequest request)
    {
        if (settings.IsLoopback && !HttpSettings.IsLoopbackName(request.Host.Host.Trim('[', ']')))
        {
            return (StatusCodes.Status421MisdirectedRequest,
                $"{request.Host} is not the loopback; this server answers to 127.0.0.1 and localhost");
        }
        if (!HttpMethods.IsGet(request.Method) && !HttpMethods.IsHead(request.Method))
        {
            if (request.Headers.Origin is { Count: > 0 } origin && origin != $"{request.Scheme}://{request.Host}")
            {
                return (StatusCodes.Status403Forbidden, "a page of another origin may not steer this run");
            }
            if (request.ContentType?.StartsWith("application/json", StringComparison.OrdinalIgnoreCase) != true)
            {
                return (StatusCodes.Status415UnsupportedMediaType,
                    "expected the header Content-Type: application/json (the body may be empty)");
            }
        }
        return NeedsToken(request.Path) && !IsKnown(request)
            ? (StatusCodes.Status401Unauthorized, request.Headers.Authorization.Count > 0
                ? "this is not the token the coordinator was started with"
                : $"expected the header Authorization: Bearer TOKEN, with the token the coordinator was started with "
                + $"({HttpSettings.TokenVariable})")
            : null;
    }

    /// <summary>The page exchanges the token for a cookie that scripts cannot read and other sites cannot send.</summary>
    public bool Login(HttpContext context, string token)
    {
        if (settings.Token is not null && !Same(token, settings.Token))
        {
            return false;
        }
        context.Response.Cookies.Append(CookieOf(context.Request), _session,
            new CookieOptions
            {
                HttpOnly = true,
                SameSite = SameSiteMode.Strict,
                Secure = context.Request.IsHttps,
                Path = "/",
                IsEssential = true
            });
        return true;
    }

    public static void Harden(HttpResponse response)
    {
        response.Headers.ContentSecurityPolicy = Policy;
        response.Headers.XContentTypeOptions = "nosniff";
        response.Headers["Referrer-Policy"] = "no-referrer";
        response.Headers["Cross-Origin-Resource-Policy"] = "same-origin";
        response.Headers.CacheControl = "no-store";
    }

    /// <summary>
    /// All but health, which says nothing, the page's own files, which are the same for everybody, and the way in.
    /// </summary>
    private static bool NeedsToken(PathString path) =>
        !(path == "/" || path == "/api/login" || path.StartsWithSegments("/health") || path.StartsWithSegments("/assets"));

    private bool IsKnown(HttpRequest request)
    {
        if (settings.Token is null)
        {
            return true;
        }
        var header = request.Headers.Authorization.ToString();
        return (header.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase)
            && Same(header["Bearer ".Length..].Trim(), settings.Token))
            || (request.Cookies[CookieOf(request)] is { } cookie && Same(cookie, _session));
    }

    /// <summary>Cookies are not kept apart by port: two runs of one machine must not share one.</summary>
    private static string CookieOf(HttpRequest request) => $"alignprop-{request.Host.Port ?? 443}";

    /// <summary>In a time that tells nothing of where they differ, nor of the length.</summary>
    private static bool Same(string given, string wanted) =>
        CryptographicOperations.FixedTimeEquals(SHA256.HashData(Encoding.UTF8.GetBytes(given)),
            SHA256.HashData(Encoding.UTF8.GetBytes(wanted)));
}

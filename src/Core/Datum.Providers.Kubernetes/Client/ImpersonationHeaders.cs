using System.Net.Http.Headers;
using System.Text;

namespace Datum.Providers.Kubernetes;

/// <summary>Impersonate-* as the API server reads them.</summary>
internal static class ImpersonationHeaders
{
    public static void Add(HttpRequestHeaders headers, Impersonation user)
    {
        headers.TryAddWithoutValidation("Impersonate-User", user.User);
        if (user.Uid is { } uid)
            headers.TryAddWithoutValidation("Impersonate-Uid", uid);
        foreach (var group in user.Groups)
            headers.TryAddWithoutValidation("Impersonate-Group", group);
        foreach (var (key, values) in user.Extra)
        {
            foreach (var value in values)
                headers.TryAddWithoutValidation($"Impersonate-Extra-{Escape(key)}", value);
        }
    }

    /// <summary>The key stands in a header's name: lower case, what isn't allowed there in percent signs.</summary>
    private static string Escape(string key)
    {
        var escaped = new StringBuilder();
        foreach (var b in Encoding.UTF8.GetBytes(key))
        {
            var c = (char)b;
            if (char.IsAsciiLetterOrDigit(c) || "!#$&'*+-.^_`|~".Contains(c, StringComparison.Ordinal))
                escaped.Append(char.ToLowerInvariant(c));
            else
                escaped.Append('%').Append(b.ToString("X2", System.Globalization.CultureInfo.InvariantCulture));
        }
        return escaped.ToString();
    }
}

using System.Text.RegularExpressions;

namespace Datum.Providers.Sdk;

/// <summary>Takes secrets out of text before it reaches an error, a log or the ledger (law L12).</summary>
public sealed partial class Redactor
{
    private readonly ImmutableArray<string> _secrets;

    /// <summary>Hides each of <paramref name="secrets"/> wherever it occurs, also URL-escaped, and the values of common credential headers and parameters.</summary>
    public Redactor(params IEnumerable<string> secrets) =>
        _secrets = [.. secrets.Where(s => s.Length > 0)
            .SelectMany(s => new[] { s, Uri.EscapeDataString(s) })
            .Distinct(StringComparer.Ordinal)
            .OrderByDescending(s => s.Length)];

    /// <summary>The text without secrets, cut to 2000 characters.</summary>
    public string Redact(string text)
    {
        foreach (var secret in _secrets)
            text = text.Replace(secret, "***", StringComparison.Ordinal);
        text = HeaderValue().Replace(text, "$1***");
        text = Parameter().Replace(text, "$1***");
        return text.Length <= 2000 ? text : string.Concat(text.AsSpan(0, 2000), "…");
    }

    [GeneratedRegex("""((?:proxy-)?authorization["']?\s*[:=]\s*["']?(?:(?:bearer|basic|token|negotiate|aws4-hmac-sha256)\s+)?|(?<=\b)(?:bearer|basic)\s+(?=[A-Za-z0-9+/._~-]{12,}))[^\s"',;]+""", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex HeaderValue();

    [GeneratedRegex("""\b((?:password|passwd|secret|token|api[-_]?key|access[-_]?key|x-auth-token|vmware-api-session-id|client_secret|signature)["']?\s*[:=]\s*["']?)[^\s"'&,;]+""", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Parameter();
}

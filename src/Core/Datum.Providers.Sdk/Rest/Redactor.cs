using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Datum.Providers.Sdk;

/// <summary>Takes secrets out of text before it reaches an error, a log or the ledger (law L12).</summary>
public sealed partial class Redactor
{
    private const int MaxLength = 2000;

    private readonly ImmutableArray<string> _secrets;

    /// <summary>
    /// Hides each of <paramref name="secrets"/> wherever it occurs, also URL-escaped, JSON-escaped or in base 64, and whatever stands where
    /// credentials usually do: headers, query parameters, JSON members, user info of addresses, signed tokens, private keys.
    /// </summary>
    public Redactor(params IEnumerable<string> secrets) =>
        _secrets = [.. secrets.Where(s => s.Length > 0)
            .SelectMany(Forms)
            .Distinct(StringComparer.Ordinal)
            .OrderByDescending(s => s.Length)];

    private Redactor(ImmutableArray<string> secrets) => _secrets = secrets;

    /// <summary>One that hides more: tokens that were got while the session ran.</summary>
    public Redactor With(params IEnumerable<string> secrets)
    {
        var more = new Redactor(secrets);
        return more._secrets.IsEmpty
            ? this
            : new Redactor([.. _secrets.Concat(more._secrets).Distinct(StringComparer.Ordinal).OrderByDescending(s => s.Length)]);
    }

    /// <summary>The text without secrets, cut to 2000 characters.</summary>
    public string Redact(string text)
    {
        foreach (var secret in _secrets)
            text = text.Replace(secret, "***", StringComparison.Ordinal);
        text = PrivateKey().Replace(text, "***");
        text = UserInfo().Replace(text, "$1***@");
        text = SignedToken().Replace(text, "***");
        text = HeaderValue().Replace(text, "$1***");
        text = QuotedMember().Replace(text, "$1***");
        text = Parameter().Replace(text, "$1***");
        text = QueryKey().Replace(text, "$1***");
        return text.Length <= MaxLength ? text : string.Concat(text.AsSpan(0, MaxLength), "…");
    }

    private static IEnumerable<string> Forms(string secret)
    {
        yield return secret;
        yield return Uri.EscapeDataString(secret);
        yield return JsonEncodedText.Encode(secret).Value;
        yield return JsonEncodedText.Encode(secret, JavaScriptEncoder.UnsafeRelaxedJsonEscaping).Value;
        // A short secret's base 64 would hide innocent words.
        if (secret.Length >= 6)
            yield return Convert.ToBase64String(Encoding.UTF8.GetBytes(secret));
    }

    private const string Names = "password|passwd|passphrase|secret|token|api[-_]?key|access[-_]?key|secret[-_]?access[-_]?key|session[-_]?token|security[-_]?token"
        + "|access[-_]?token|refresh[-_]?token|id[-_]?token|client[-_]?secret|client[-_]?assertion|assertion|private[-_]?key|x-auth-token|x-subject-token|vmware-api-session-id|signature"
        + "|x-amz-signature|x-amz-security-token|x-amz-credential|ticket|csrfpreventiontoken|pveauthcookie|set-cookie|cookie|adminpass";

    [GeneratedRegex("""((?:proxy-)?authorization["']?\s*[:=]\s*["']?(?:(?:bearer|basic|token|negotiate|aws4-hmac-sha256)\s+)?|(?<=\b)(?:bearer|basic)\s+(?=[A-Za-z0-9+/._~-]{12,})|\bpveapitoken=)[^\s"',;]+""", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex HeaderValue();

    // A quoted value ends at its quote, whatever stands in it.
    [GeneratedRegex("((?:\\b|_)(?:" + Names + ")\\\\?[\"']\\s*[:=]\\s*(?<q>\\\\?\"))(?:(?!\\k<q>)(?:\\\\\\\\\\\\\"|\\\\.|.))*", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant | RegexOptions.Singleline)]
    private static partial Regex QuotedMember();

    [GeneratedRegex("((?:\\b|_)(?:" + Names + ")[\"']?\\s*[:=]\\s*[\"']?)[^\\s\"'&,;]+", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Parameter();

    // "key=" and "sig=" are credentials in a query, and ordinary words elsewhere.
    [GeneratedRegex("""([?&](?:key|sig|code|sas|auth)=)[^\s"'&,;#]+""", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex QueryKey();

    [GeneratedRegex("""(\b[a-z][a-z0-9+.-]*://)[^\s/@?#"']+@""", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex UserInfo();

    [GeneratedRegex("""\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?""", RegexOptions.CultureInvariant)]
    private static partial Regex SignedToken();

    [GeneratedRegex("""-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\z)""", RegexOptions.CultureInvariant | RegexOptions.Singleline)]
    private static partial Regex PrivateKey();
}

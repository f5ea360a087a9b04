using System.Text;
using System.Text.Json;

namespace Datum.Providers.Conformance;

/// <summary>Looks for secrets in texts: as they are, as base64 at every offset, URL-escaped, as hex and as JSON writes them.</summary>
internal sealed class LeakCheck
{
    private const int Shortest = 8;
    private readonly List<(string Name, string Form, string Needle)> _needles = [];

    /// <summary>Watches for the world's credentials and secret payloads.</summary>
    public static LeakCheck For(ConformanceWorld world)
    {
        var check = new LeakCheck();
        foreach (var (key, value) in world.Credentials)
            check.Add($"credential {key}", value.Span);
        foreach (var payload in world.Payloads.Where(p => p.Secret))
            foreach (var (key, value) in payload.Values)
                check.Add($"secret {payload.Name}/{key}", value.Span);
        return check;
    }

    /// <summary>How many secrets are watched for.</summary>
    public int Watched => _needles.Select(n => n.Name).Distinct().Count();

    public void Add(string name, ReadOnlySpan<byte> secret)
    {
        if (secret.Length < Shortest)
            return;
        var raw = Encoding.UTF8.GetString(secret);
        Watch(name, "as it is", raw);
        Watch(name, "URL-escaped", Uri.EscapeDataString(raw));
        Watch(name, "as JSON", JsonEncodedText.Encode(raw).ToString());
        Watch(name, "as hex", Convert.ToHexStringLower(secret));
        Watch(name, "as hex", Convert.ToHexString(secret));
        for (var offset = 0; offset < 3; offset++)
        {
            // A secret inside of a longer text that is base64: without the characters that its neighbours share.
            byte[] padded = [.. new byte[offset], .. secret];
            var whole = padded.Length / 3 * 3;
            var text = Convert.ToBase64String(padded, 0, whole)[(offset == 0 ? 0 : 4)..];
            if (text.Length < Shortest)
                continue;
            Watch(name, "as base64", text);
            Watch(name, "as base64url", text.Replace('+', '-').Replace('/', '_'));
        }
    }

    /// <summary>What the text gives away; null when nothing. The secret itself isn't in the answer.</summary>
    public string? Find(string text)
    {
        foreach (var (name, form, needle) in _needles)
            if (text.Contains(needle, StringComparison.Ordinal))
                return $"{name} ({form})";
        return null;
    }

    private void Watch(string name, string form, string needle)
    {
        if (!_needles.Any(n => n.Needle == needle))
            _needles.Add((name, form, needle));
    }
}

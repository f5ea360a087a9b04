using System.Text;

namespace Datum.Providers.Engine.Sessions;

/// <summary>What often goes wrong with credentials and can be told without telling a value (law L12).</summary>
internal static class CredentialHints
{
    /// <summary>Sentences that name the keys; empty when nothing looks odd. Only keys that the driver declares are looked at.</summary>
    public static string Of(DriverDescriptor descriptor, IReadOnlyDictionary<string, ReadOnlyMemory<byte>> values)
    {
        var hints = new List<string>();
        foreach (var key in descriptor.CredentialKeys)
            if (values.TryGetValue(key.Key, out var value) && Odd(value.Span) is { } what)
                hints.Add($"The credential '{key.Key}' {what}.");
        return string.Join(" ", hints);
    }

    private static string? Odd(ReadOnlySpan<byte> value)
    {
        if (value.IsEmpty)
            return "is empty";
        if (!System.Text.Unicode.Utf8.IsValid(value))
            return "holds bytes that are no text; base64 belongs around the value once, in the Secret's data";
        var text = Encoding.UTF8.GetString(value);
        // A file of several lines (a key, a kubeconfig) ends with a line break for good reason.
        if (text.TrimEnd('\r', '\n') is var line && line.Length < text.Length && !line.Contains('\n', StringComparison.Ordinal))
            return "ends with a line break, which is sent too; write it without one (kubectl create secret --from-literal, or printf instead of echo)";
        return text.Length != text.Trim().Length && !text.Contains('\n', StringComparison.Ordinal) ? "begins or ends with a blank" : null;
    }
}

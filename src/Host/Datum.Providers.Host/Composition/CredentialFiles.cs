using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Datum.Providers.Host.Composition;

/// <summary>What a file or folder of credentials says of its version: names, sizes and times, never contents.</summary>
internal static class CredentialFiles
{
    /// <summary>Another text for each version; a mounted Secret is swapped by a link, and the time is that of its target.</summary>
    public static string VersionOf(string path)
    {
        try
        {
            var files = Directory.Exists(path) ? new DirectoryInfo(path).GetFiles() : [new FileInfo(path)];
            var text = string.Join('\n', files.OrderBy(f => f.Name, StringComparer.Ordinal).Select(f => (f.ResolveLinkTarget(returnFinalTarget: true) as FileInfo ?? f) is { Exists: true } target
                ? string.Create(CultureInfo.InvariantCulture, $"{f.Name}/{target.FullName}/{target.Length}/{target.LastWriteTimeUtc.Ticks}")
                : $"{f.Name}/absent"));
            return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)).AsSpan(0, 8));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Whoever reads the values is told why it doesn't work.
            return $"unreadable {e.GetType().Name}";
        }
    }
}

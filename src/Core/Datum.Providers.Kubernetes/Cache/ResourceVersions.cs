using System.Globalization;

namespace Datum.Providers.Kubernetes;

/// <summary>resourceVersion as a number: servers promise that versions of one kind can be compared (KEP-5504).</summary>
public static class ResourceVersions
{
    /// <summary>Below 0 when <paramref name="a"/> is older. A version that isn't a number is newer than every number: it is never the reason to ignore what the server says.</summary>
    public static int Compare(string? a, string? b) => Number(a).CompareTo(Number(b));

    public static bool IsNewer(string? a, string? than) => Compare(a, than) > 0 || Number(a) == ulong.MaxValue;

    private static ulong Number(string? version) =>
        string.IsNullOrEmpty(version) ? 0 : ulong.TryParse(version, NumberStyles.None, CultureInfo.InvariantCulture, out var n) ? n : ulong.MaxValue;
}

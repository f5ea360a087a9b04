using Datum.Providers.Clouds.Gcp;
using Datum.Providers.Testing;

namespace Datum.Providers.Drivers.Gcp.Tests.Conformance;

/// <summary>
/// Google's own discovery documents: those of the reference folder, and newer ones in the folder that DATUM_GCP_DISCOVERY names. Read once; the
/// use that all tests made of them is reported at the end.
/// </summary>
internal static class Descriptions
{
    private static readonly Lazy<DescriptionChecker?> Loaded = new(Load);

    /// <summary>The folder of newer documents, from python3-googleapi; null where it isn't set.</summary>
    public static string? NewerFolder => Environment.GetEnvironmentVariable("DATUM_GCP_DISCOVERY") is { Length: > 0 } folder && Directory.Exists(folder) ? folder : null;

    /// <summary>Null where neither is there: the double then answers without being held to anything.</summary>
    public static DescriptionChecker? Checker => Loaded.Value;

    /// <summary>All documents that are there. Those of the reference folder alone describe a selection of the methods.</summary>
    public static IEnumerable<string> Files()
    {
        if (SharedFolder.PathOrNull is { } shared && Path.Combine(shared, "specs", "gcp") is var folder && Directory.Exists(folder))
            foreach (var file in Directory.GetFiles(folder, "*.discovery.json").Where(IsUsed).Order(StringComparer.Ordinal))
                yield return file;
        foreach (var name in (string[])["compute.v1.json", "secretmanager.v1.json", "iamcredentials.v1.json"])
            if (NewerFolder is { } newer && File.Exists(Path.Combine(newer, name)))
                yield return Path.Combine(newer, name);
    }

    private static bool IsUsed(string file) => Path.GetFileName(file) is { } name && (name.StartsWith("compute.", StringComparison.Ordinal)
        || name.StartsWith("secretmanager.", StringComparison.Ordinal) || name.StartsWith("iamcredentials.", StringComparison.Ordinal));

    private static DescriptionChecker? Load() => Files().ToList() is { Count: > 0 } files ? DescriptionChecker.Load(files, selection: NewerFolder is null) : null;
}

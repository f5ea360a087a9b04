using System.Reflection;

namespace Datum.Providers.Resources;

/// <summary>The custom resource definitions of all kinds, as YAML.</summary>
public static class Crds
{
    private const string Prefix = "crds/";

    /// <summary>Every definition with its file name, ordered by name.</summary>
    public static IReadOnlyList<CrdFile> All()
    {
        var assembly = typeof(Crds).Assembly;
        return [.. assembly.GetManifestResourceNames()
            .Where(n => n.StartsWith(Prefix, StringComparison.Ordinal))
            .Order(StringComparer.Ordinal)
            .Select(n => new CrdFile(n[Prefix.Length..], Read(assembly, n)))];
    }

    private static ReadOnlyMemory<byte> Read(Assembly assembly, string name)
    {
        using var stream = assembly.GetManifestResourceStream(name) ?? throw new InvalidOperationException($"The resource {name} vanished.");
        using var buffer = new MemoryStream();
        stream.CopyTo(buffer);
        return buffer.ToArray();
    }
}

/// <summary>One definition.</summary>
/// <param name="Name">The file name, e.g. <c>compute.datumapis.com_workloads.yaml</c>.</param>
/// <param name="Yaml">UTF-8 YAML, one document.</param>
public sealed record CrdFile(string Name, ReadOnlyMemory<byte> Yaml);

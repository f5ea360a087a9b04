using System.Text.Json.Serialization.Metadata;

namespace Datum.Providers.Kubernetes;

/// <summary>Where a kind is served and how it is read: everything that the client needs to know about it.</summary>
/// <typeparam name="T">The C# type of one object.</typeparam>
public sealed class ResourceType<T> where T : KubeObject
{
    /// <summary>The API group; empty for the core group.</summary>
    public required string Group { get; init; }

    /// <summary>The API version without the group, e.g. <c>v1alpha</c>.</summary>
    public required string Version { get; init; }

    /// <summary>The kind, e.g. <c>Workload</c>.</summary>
    public required string Kind { get; init; }

    /// <summary>The plural in URLs, e.g. <c>workloads</c>.</summary>
    public required string Plural { get; init; }

    public required bool Namespaced { get; init; }

    /// <summary>Source-generated metadata that reads and writes one object.</summary>
    public required JsonTypeInfo<T> Json { get; init; }

    /// <summary>False for questions that a server answers and doesn't keep, such as access reviews: the answer has neither name nor version. Default true.</summary>
    public bool Kept { get; init; } = true;

    /// <summary><c>group/version</c>, or the version alone for the core group.</summary>
    public string ApiVersion => Group.Length == 0 ? Version : $"{Group}/{Version}";

    /// <summary>The same kind in another version or group, e.g. when a plane serves Location elsewhere.</summary>
    public ResourceType<T> In(string group, string version, bool? namespaced = null) => new()
    {
        Group = group,
        Version = version,
        Kind = Kind,
        Plural = Plural,
        Namespaced = namespaced ?? Namespaced,
        Json = Json,
        Kept = Kept,
    };

    public override string ToString() => Group.Length == 0 ? Plural : $"{Plural}.{Group}";
}

using System.Text.Json;
using Datum.Providers.Kubernetes;

namespace Datum.Providers.Resources.Providers;

/// <summary>What the host found in its driver volume. Written by the host only; cluster-scoped, on the home plane.</summary>
public sealed class ProviderDriver : KubeObject
{
    public ProviderDriverSpec Spec { get; set; } = new();
    public ProviderDriverStatus? Status { get; set; }
}

/// <summary>Has no members: there is nothing that a person could ask of it.</summary>
public sealed class ProviderDriverSpec : KubeData;

public sealed class ProviderDriverStatus : KubeData
{
    public string? Version { get; set; }
    /// <summary>The contract versions that the driver was built for, e.g. <c>[0.1,0.2)</c>.</summary>
    public string? Contract { get; set; }
    /// <summary>SHA-256 over the driver's manifest, lower-case hex.</summary>
    public string? Digest { get; set; }
    /// <summary>Id (SHA-256 of the SubjectPublicKeyInfo) of the key that signed the manifest; absent where the host asks for no signatures.</summary>
    public string? SignedBy { get; set; }
    /// <summary>One of <see cref="DriverState"/>.</summary>
    public string? State { get; set; }
    public string? Reason { get; set; }
    public string? Message { get; set; }
    /// <summary>The key under <c>Location.spec.provider</c>.</summary>
    public string? LocationKey { get; set; }
    /// <summary>The capabilities that the driver declares, as data.</summary>
    public JsonElement? Capabilities { get; set; }
    /// <summary>Assemblies that were loaded for it, as <c>name, version</c>.</summary>
    public List<string>? Assemblies { get; set; }
}

public static class DriverState
{
    public const string Ready = "Ready";
    /// <summary>Not loaded: its manifest, contract range or a digest was refused.</summary>
    public const string Rejected = "Rejected";
    /// <summary>Loaded, but its code threw where it must not.</summary>
    public const string Faulted = "Faulted";
    /// <summary>Named by an entry or a config, but not in the driver volume.</summary>
    public const string Missing = "Missing";
}

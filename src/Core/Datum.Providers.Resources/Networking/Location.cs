using System.Text.Json;
using System.Text.Json.Serialization;
using Datum.Providers.Kubernetes;

namespace Datum.Providers.Resources.Networking;

/// <summary>A place at one provider where workloads can run.</summary>
public sealed class Location : KubeObject
{
    public LocationSpec Spec { get; set; } = new();
    public LocationStatus? Status { get; set; }

    /// <summary>The value of the well-known city code key; null when it has none.</summary>
    // A name that JSON never has: a member of the property's own name stays an unknown field that survives.
    [JsonIgnore, JsonPropertyName("\0cityCode")]
    public string? CityCode => Spec.Topology.GetValueOrDefault(Labels.CityCode);
}

public sealed class LocationSpec : KubeData
{
    public string LocationClassName { get; set; } = "";
    public Dictionary<string, string> Topology { get; set; } = [];
    /// <summary>The provider's block under the driver's key; read it with <see cref="LocationBlock"/>.</summary>
    public Dictionary<string, JsonElement>? Provider { get; set; }
}

public sealed class LocationStatus : KubeData
{
    public List<Condition>? Conditions { get; set; }
}

/// <summary>Names a Location. Where Locations are cluster-scoped the namespace is absent.</summary>
public sealed class LocationReference : KubeData
{
    public string Name { get; set; } = "";
    public string? Namespace { get; set; }

    [JsonIgnore, JsonPropertyName("\0key")]
    public ObjectKey Key => new(Namespace, Name);
}

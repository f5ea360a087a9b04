using System.Text.Json.Serialization;

namespace Datum.Providers.Kubernetes;

/// <summary>Any kind; spec, status and data stay in <see cref="KubeData.Unknown"/>.</summary>
public sealed class UntypedObject : KubeObject
{
}

public sealed class Namespace : KubeObject
{
}

public sealed class Secret : KubeObject
{
    public string? Type { get; set; }
    public bool? Immutable { get; set; }
    public Dictionary<string, byte[]>? Data { get; set; }
    /// <summary>Write only: the server merges it into <see cref="Data"/>.</summary>
    public Dictionary<string, string>? StringData { get; set; }
}

/// <summary>A Secret of which only the metadata is kept: its values are skipped when it is read.</summary>
public sealed class SecretMetadata : KubeObject
{
    /// <summary>Always null. An ignored member is skipped when read and doesn't reach <see cref="KubeData.Unknown"/>.</summary>
    [JsonIgnore]
    public object? Data { get; }

    /// <summary>Always null, as <see cref="Data"/>.</summary>
    [JsonIgnore]
    public object? StringData { get; }
}

public sealed class ConfigMap : KubeObject
{
    public bool? Immutable { get; set; }
    public Dictionary<string, string>? Data { get; set; }
    public Dictionary<string, byte[]>? BinaryData { get; set; }
}

/// <summary>coordination.k8s.io/v1.</summary>
public sealed class Lease : KubeObject
{
    public LeaseSpec? Spec { get; set; }
}

public sealed class LeaseSpec : KubeData
{
    public string? HolderIdentity { get; set; }
    public int? LeaseDurationSeconds { get; set; }
    [JsonConverter(typeof(KubeMicroTimeConverter))]
    public DateTimeOffset? AcquireTime { get; set; }
    [JsonConverter(typeof(KubeMicroTimeConverter))]
    public DateTimeOffset? RenewTime { get; set; }
    public int? LeaseTransitions { get; set; }
}

/// <summary>An event of the core group (v1).</summary>
public sealed class CoreEvent : KubeObject
{
    public ObjectReference InvolvedObject { get; set; } = new();
    public string? Reason { get; set; }
    public string? Message { get; set; }
    /// <summary>Normal or Warning.</summary>
    public string? Type { get; set; }
    public string? Action { get; set; }
    public int? Count { get; set; }
    [JsonConverter(typeof(KubeTimeConverter))]
    public DateTimeOffset? FirstTimestamp { get; set; }
    [JsonConverter(typeof(KubeTimeConverter))]
    public DateTimeOffset? LastTimestamp { get; set; }
    [JsonConverter(typeof(KubeMicroTimeConverter))]
    public DateTimeOffset? EventTime { get; set; }
    public EventSource? Source { get; set; }
    public string? ReportingComponent { get; set; }
    public string? ReportingInstance { get; set; }
    public ObjectReference? Related { get; set; }
}

public sealed class EventSource : KubeData
{
    public string? Component { get; set; }
    public string? Host { get; set; }
}

public sealed class ObjectReference : KubeData
{
    public string? ApiVersion { get; set; }
    public string? Kind { get; set; }
    public string? Namespace { get; set; }
    public string? Name { get; set; }
    public string? Uid { get; set; }
    public string? ResourceVersion { get; set; }
    public string? FieldPath { get; set; }
}

/// <summary>apiextensions.k8s.io/v1, as far as installing one needs; the schema stays in <see cref="KubeData.Unknown"/>.</summary>
public sealed class CustomResourceDefinition : KubeObject
{
    public CustomResourceDefinitionSpec? Spec { get; set; }
    public CustomResourceDefinitionStatus? Status { get; set; }

    /// <summary>The status of the named condition is True.</summary>
    public bool Is(string condition) => Status?.Conditions?.Find(c => c.Type == condition)?.Status == "True";
}

public sealed class CustomResourceDefinitionSpec : KubeData
{
    public string Group { get; set; } = "";
    /// <summary>Namespaced or Cluster.</summary>
    public string Scope { get; set; } = "";
    public CustomResourceDefinitionNames Names { get; set; } = new();
}

public sealed class CustomResourceDefinitionNames : KubeData
{
    public string Kind { get; set; } = "";
    public string Plural { get; set; } = "";
}

public sealed class CustomResourceDefinitionStatus : KubeData
{
    public List<Condition>? Conditions { get; set; }
}

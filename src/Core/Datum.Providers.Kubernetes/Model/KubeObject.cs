using System.Text.Json;
using System.Text.Json.Serialization;

namespace Datum.Providers.Kubernetes;

/// <summary>A part of an object. Members that we don't know are kept and written back as they came.</summary>
public abstract class KubeData
{
    /// <summary>Members of the JSON object that this type has no property for.</summary>
    [JsonExtensionData]
    public Dictionary<string, JsonElement>? Unknown { get; set; }
}

/// <summary>
/// An API object. Objects that come from a cache are shared between readers: never change one,
/// change the server with a patch and let the answer replace it.
/// </summary>
public abstract class KubeObject : KubeData
{
    [JsonPropertyOrder(-3)]
    public string? ApiVersion { get; set; }

    [JsonPropertyOrder(-2)]
    public string? Kind { get; set; }

    [JsonPropertyOrder(-1)]
    public ObjectMeta Metadata { get; set; } = new();

    // An ignored property still swallows the JSON member of its name, so each has a name that no member can have.

    /// <summary>Namespace and name.</summary>
    [JsonIgnore, JsonPropertyName("\0key")]
    public ObjectKey Key => new(Metadata.Namespace, Metadata.Name ?? "");

    [JsonIgnore, JsonPropertyName("\0isDeleting")]
    public bool IsDeleting => Metadata.DeletionTimestamp is not null;
}

/// <summary>The metadata of an object. managedFields are dropped when read.</summary>
public sealed class ObjectMeta : KubeData
{
    public string? Name { get; set; }
    public string? GenerateName { get; set; }
    public string? Namespace { get; set; }
    public string? Uid { get; set; }
    public string? ResourceVersion { get; set; }
    public long? Generation { get; set; }
    [JsonConverter(typeof(KubeTimeConverter))]
    public DateTimeOffset? CreationTimestamp { get; set; }
    [JsonConverter(typeof(KubeTimeConverter))]
    public DateTimeOffset? DeletionTimestamp { get; set; }
    public long? DeletionGracePeriodSeconds { get; set; }
    public Dictionary<string, string>? Labels { get; set; }
    public Dictionary<string, string>? Annotations { get; set; }
    public List<string>? Finalizers { get; set; }
    public List<OwnerReference>? OwnerReferences { get; set; }

    /// <summary>Always null. An ignored member is skipped when read and doesn't reach <see cref="KubeData.Unknown"/>: half of an object's size stays outside.</summary>
    [JsonIgnore]
    public object? ManagedFields { get; }

    /// <summary>The owner that controls this object, or null.</summary>
    [JsonIgnore, JsonPropertyName("\0controllerOwner")]
    public OwnerReference? ControllerOwner => OwnerReferences?.Find(o => o.Controller == true);

    /// <summary>The value of a label, or null.</summary>
    public string? Label(string key) => Labels is not null && Labels.TryGetValue(key, out var v) ? v : null;

    /// <summary>The value of an annotation, or null.</summary>
    public string? Annotation(string key) => Annotations is not null && Annotations.TryGetValue(key, out var v) ? v : null;

    public bool HasFinalizer(string finalizer) => Finalizers?.Contains(finalizer) == true;
}

/// <summary>A reference from an object to the one that owns it.</summary>
public sealed class OwnerReference : KubeData
{
    public string ApiVersion { get; set; } = "";
    public string Kind { get; set; } = "";
    public string Name { get; set; } = "";
    public string Uid { get; set; } = "";
    public bool? Controller { get; set; }
    public bool? BlockOwnerDeletion { get; set; }
}

/// <summary>A condition as metav1.Condition has it. <see cref="Status"/> is "True", "False" or "Unknown".</summary>
public sealed class Condition : KubeData
{
    public string Type { get; set; } = "";
    public string Status { get; set; } = "Unknown";
    public string Reason { get; set; } = "";
    public string Message { get; set; } = "";
    [JsonConverter(typeof(KubeTimeConverter))]
    public DateTimeOffset? LastTransitionTime { get; set; }
    public long? ObservedGeneration { get; set; }
}

/// <summary>Namespace (null for cluster-scoped objects) and name.</summary>
public readonly record struct ObjectKey(string? Namespace, string Name)
{
    public override string ToString() => Namespace is null ? Name : $"{Namespace}/{Name}";
}

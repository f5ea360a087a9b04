using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Datum.Providers.Kubernetes;

/// <summary>JSON of the core kinds: camelCase; nulls are left out, zero values never (schemas require them).</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(UntypedObject))]
[JsonSerializable(typeof(Namespace))]
[JsonSerializable(typeof(Secret))]
[JsonSerializable(typeof(SecretMetadata))]
[JsonSerializable(typeof(ConfigMap))]
[JsonSerializable(typeof(Lease))]
[JsonSerializable(typeof(CoreEvent))]
[JsonSerializable(typeof(CustomResourceDefinition))]
[JsonSerializable(typeof(StatusBody))]
[JsonSerializable(typeof(ListMeta))]
[JsonSerializable(typeof(ApiResourceList))]
[JsonSerializable(typeof(DeleteOptionsBody))]
[JsonSerializable(typeof(JsonElement))]
[JsonSerializable(typeof(JsonNode))]
internal sealed partial class KubernetesJsonContext : JsonSerializerContext
{
}

/// <summary>metav1.Status: what the server answers instead of an object.</summary>
internal sealed class StatusBody
{
    public string? Kind { get; set; }
    public string? Status { get; set; }
    public string? Message { get; set; }
    public string? Reason { get; set; }
    public int? Code { get; set; }
    public StatusDetails? Details { get; set; }
}

internal sealed class StatusDetails
{
    public string? Name { get; set; }
    public int? RetryAfterSeconds { get; set; }
}

internal sealed class ListMeta
{
    public string? ResourceVersion { get; set; }
    public string? Continue { get; set; }
}

internal sealed class ApiResourceList
{
    public List<ApiResource>? Resources { get; set; }
}

internal sealed class ApiResource
{
    public string? Name { get; set; }
    public string? Kind { get; set; }
    public bool Namespaced { get; set; }
    public List<string>? Verbs { get; set; }
    public List<string>? ShortNames { get; set; }
}

internal sealed class DeleteOptionsBody
{
    public string ApiVersion { get; } = "v1";
    public string Kind { get; } = "DeleteOptions";
    public string PropagationPolicy { get; set; } = "Background";
    public long? GracePeriodSeconds { get; set; }
    public List<string>? DryRun { get; set; }
    public DeletePreconditionsBody? Preconditions { get; set; }
}

internal sealed class DeletePreconditionsBody
{
    public string? Uid { get; set; }
    public string? ResourceVersion { get; set; }
}

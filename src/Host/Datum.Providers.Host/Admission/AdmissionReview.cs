using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Datum.Providers.Kubernetes;

namespace Datum.Providers.Host.Admission;

/// <summary>admission.k8s.io/v1, as an API server sends and takes it.</summary>
internal sealed record AdmissionReview
{
    public const string Version = "admission.k8s.io/v1";

    public string? ApiVersion { get; init; }
    public string? Kind { get; init; }
    public AdmissionRequest? Request { get; init; }
    public AdmissionResponse? Response { get; init; }
}

internal sealed record AdmissionRequest
{
    public string Uid { get; init; } = "";

    /// <summary>CREATE, UPDATE, DELETE or CONNECT.</summary>
    public string Operation { get; init; } = "";

    public string? Namespace { get; init; }
    public string? Name { get; init; }
    public string? SubResource { get; init; }
    public UserInfo UserInfo { get; init; } = new();
    public JsonObject? Object { get; init; }
    public JsonObject? OldObject { get; init; }
}

/// <summary>Who asked, in the words of authentication.k8s.io/v1 and, with <c>user</c> in place of <c>username</c>, of access reviews.</summary>
internal sealed record UserInfo
{
    public string Username { get; init; } = "";
    public string? Uid { get; init; }
    public List<string>? Groups { get; init; }
    public Dictionary<string, List<string>>? Extra { get; init; }
}

internal sealed record AdmissionResponse
{
    public required string Uid { get; init; }
    public required bool Allowed { get; init; }
    public AdmissionStatus? Status { get; init; }
    public List<string>? Warnings { get; init; }
}

/// <summary>A refusal in the form of a server's own validation.</summary>
internal sealed record AdmissionStatus
{
    public string Status { get; init; } = "Failure";
    public required int Code { get; init; }
    public required string Reason { get; init; }
    public required string Message { get; init; }
    public StatusDetails? Details { get; init; }
}

internal sealed record StatusDetails
{
    public string? Name { get; init; }
    public string? Group { get; init; }
    public string? Kind { get; init; }
    public required List<StatusCause> Causes { get; init; }
}

internal sealed record StatusCause
{
    public required string Reason { get; init; }
    public required string Field { get; init; }
    public required string Message { get; init; }
}

/// <summary>authorization.k8s.io/v1: may a user do this?</summary>
internal sealed class SubjectAccessReview : KubeObject
{
    public static ResourceType<SubjectAccessReview> Type { get; } = new()
    {
        Group = "authorization.k8s.io", Version = "v1", Kind = "SubjectAccessReview", Plural = "subjectaccessreviews", Namespaced = false, Kept = false, Json = AdmissionJson.Default.SubjectAccessReview,
    };

    public AccessReviewSpec Spec { get; set; } = new();
    public AccessReviewStatus? Status { get; set; }
}

internal sealed class AccessReviewSpec : KubeData
{
    public string User { get; set; } = "";
    public string? Uid { get; set; }
    public List<string>? Groups { get; set; }
    public Dictionary<string, List<string>>? Extra { get; set; }
    public ResourceAttributes ResourceAttributes { get; set; } = new();
}

internal sealed class ResourceAttributes : KubeData
{
    public string Verb { get; set; } = "";
    public string Group { get; set; } = "";
    public string Version { get; set; } = "";
    public string Resource { get; set; } = "";
    public string? Namespace { get; set; }
    public string Name { get; set; } = "";
}

internal sealed class AccessReviewStatus : KubeData
{
    public bool Allowed { get; set; }
    public string? Reason { get; set; }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(AdmissionReview))]
[JsonSerializable(typeof(SubjectAccessReview))]
internal sealed partial class AdmissionJson : JsonSerializerContext;

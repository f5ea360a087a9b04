using System.Text.Json.Serialization;

namespace Datum.Providers.Kubernetes;

/// <summary>ExecCredential of client.authentication.k8s.io, as a plugin prints it. Never logged, never quoted.</summary>
internal sealed class ExecCredential
{
    public string? ApiVersion { get; set; }
    public string? Kind { get; set; }
    public ExecCredentialStatus? Status { get; set; }
}

internal sealed class ExecCredentialStatus
{
    public string? Token { get; set; }
    public string? ClientCertificateData { get; set; }
    public string? ClientKeyData { get; set; }
    public DateTimeOffset? ExpirationTimestamp { get; set; }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(ExecCredential))]
internal sealed partial class ExecCredentialJson : JsonSerializerContext
{
}

namespace Datum.Providers.Drivers.Gcp.Api;

/// <summary>Secret Manager's secret. Its contents are versions, which this driver writes and never reads.</summary>
internal sealed record GcpSecret
{
    public string? Name { get; init; }
    public Replication? Replication { get; init; }
    public ImmutableSortedDictionary<string, string>? Labels { get; init; }
    public ImmutableSortedDictionary<string, string>? Annotations { get; init; }
    public string? Etag { get; init; }
    public string? CreateTime { get; init; }
}

internal sealed record Replication
{
    public Automatic? Automatic { get; init; }
}

internal sealed record Automatic;

internal sealed record AddSecretVersion
{
    public SecretPayload? Payload { get; init; }
}

internal sealed record SecretPayload
{
    public string? Data { get; init; }
}

internal sealed record SecretVersion
{
    public string? Name { get; init; }
    public string? State { get; init; }
}

internal sealed record SetIamPolicy
{
    public IamPolicy? Policy { get; init; }
}

internal sealed record IamPolicy
{
    public ImmutableArray<IamBinding>? Bindings { get; init; }
    public string? Etag { get; init; }
}

internal sealed record IamBinding
{
    public string? Role { get; init; }
    public ImmutableArray<string>? Members { get; init; }
}
